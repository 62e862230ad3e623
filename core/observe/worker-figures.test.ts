import { expect, test } from "bun:test"
import { figuresOfAll, workersText } from "./worker-figures.ts"

const counted = (worker: number, lines: ReadonlyArray<string>) => ({ worker, text: `${lines.join("\n")}\n` })

test("all workers' samples of a metric stand together under one description, each with its worker's label", () => {
  const help = ["# HELP requests_total By route", "# TYPE requests_total counter"]
  const first = counted(1, [
    ...help,
    'requests_total{route="/a {x} b"} 1',
    "# TYPE seconds histogram",
    "seconds_sum 2.5"
  ])
  const second = counted(2, ["# TYPE only counter", "only 7", ...help, 'requests_total{route="/"} 3'])
  expect(workersText([first, second, { worker: 3, text: null }]).split("\n")).toEqual([
    ...help,
    'requests_total{worker="1",route="/a {x} b"} 1',
    'requests_total{worker="2",route="/"} 3',
    "# TYPE seconds histogram",
    'seconds_sum{worker="1"} 2.5',
    "# TYPE only counter",
    'only{worker="2"} 7',
    expect.stringContaining("# HELP payhub_worker_up "),
    "# TYPE payhub_worker_up gauge",
    'payhub_worker_up{worker="1"} 1',
    'payhub_worker_up{worker="2"} 1',
    'payhub_worker_up{worker="3"} 0',
    ""
  ])
})

test("a worker reports its own figures if its parent does not answer", async () => {
  const figures = await figuresOfAll({ number: 2, count: 3 }, async () => null)
  expect(figures).toEqual([
    { worker: 1, text: null },
    { worker: 2, text: expect.any(String) },
    { worker: 3, text: null }
  ])
})
