export { demoFleet, type DemoRecipe, type DemoVm } from "./demo-fleet.ts";
export { startSimulatedFleet, type SimulatedFleet } from "./fleet.ts";
export type * from "./options.ts";
export { startSimulatedVm, SimulatedVm } from "./simulated-vm.ts";
