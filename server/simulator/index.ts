export { SIMULATOR_PACKAGE } from "../../lib/qapi/simulated.ts";
export type { SimulatorClock } from "./clock.ts";
export { demoFleet, type DemoFleet, type DemoFleetOptions, type DemoRecipe, type DemoVm } from "./demo-fleet.ts";
export { startSimulatedFleet, type SimulatedFleet, type SimulatedFleetOptions } from "./fleet.ts";
export type { ReceivedYank } from "./machine.ts";
export type * from "./options.ts";
export { startSimulatedVm, SimulatedVm } from "./simulated-vm.ts";
