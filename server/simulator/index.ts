export { SIMULATOR_PACKAGE } from "../../lib/qapi/simulated.ts";
export { realClock, type SimulatorClock } from "./clock.ts";
export type { ReceivedYank } from "./machine.ts";
export type * from "./options.ts";
export { startSimulatedVm, SimulatedVm } from "./simulated-vm.ts";
