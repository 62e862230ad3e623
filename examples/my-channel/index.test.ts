import { describeChannel } from "../../core/kit/index.ts"
import provider from "./index.ts"
import { startSimulator } from "./simulator.ts"

// Tests every promise of the channel interface against the simulator. The name of a failing test says what is missing.
describeChannel(provider, { simulator: startSimulator })
