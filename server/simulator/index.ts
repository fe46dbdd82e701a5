export { demoFleet, type DemoRecipe, type DemoVm } from "./demo-fleet.ts";
export { startSimulatedFleet, TROUBLES, type SimulatedFleet, type Trouble } from "./fleet.ts";
export { SimulatedNbdServer } from "./nbd-server.ts";
export type * from "./options.ts";
export { startSimulatedVm, SimulatedVm } from "./simulated-vm.ts";
