import { describeChannel } from "../../core/kit/index.ts"
import provider from "./index.ts"
import { startSimulator } from "./simulator.ts"

// Every promise of the channel interface, held against the simulator. Each sentence that fails says what is missing.
describeChannel(provider, { simulator: startSimulator })
