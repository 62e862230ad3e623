import type { Route, Run } from "./edge.ts"

/** The gateway's own pages. */
export const pageRoutes = (_run: Run): ReadonlyArray<Route> => []
