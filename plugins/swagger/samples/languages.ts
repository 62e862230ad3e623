import { curl } from "./curl.ts"
import { go } from "./go.ts"
import { java } from "./java.ts"
import { node } from "./node.ts"
import { php } from "./php.ts"
import { python } from "./python.ts"
import type { SampleLanguage } from "./sample.ts"

/** The languages of the samples, in the order of their tabs: those of examples/merchants. */
export const SAMPLE_LANGUAGES: ReadonlyArray<SampleLanguage> = [curl, php, java, python, node, go]
