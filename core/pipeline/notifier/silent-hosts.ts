/**
 * Pushes under way to all silent hosts together: however many there are, most places are left to hosts that answer. One
 * lease may exceed it by as much again.
 */
const PUSHES_TO_SILENT_MAX = 128

/** Silent hosts that are remembered; beyond this many, the one that has been silent the longest is forgotten. */
const SILENT_HOSTS_MAX = 2_048

/** A push that is under way. */
interface Begun {
  /** Says whether the host answered. */
  readonly answered: (yes: boolean) => void
  readonly end: () => void
}

/** Hosts that left their last push without an answer and so are expected to hold the next one for as long. */
export interface SilentHosts {
  readonly begin: (host: string) => Begun
  /** Hosts that get no push for now, because silent ones have as many as they may. */
  readonly busy: () => ReadonlyArray<string>
}

export const makeSilentHosts = (): SilentHosts => {
  // In the order in which they were last found silent.
  const silent = new Set<string>()
  let underWay = 0
  return {
    begin: (host) => {
      const counts = silent.has(host)
      if (counts) underWay++
      return {
        answered: (yes) => {
          silent.delete(host)
          if (yes) return
          silent.add(host)
          const [oldest] = silent
          if (silent.size > SILENT_HOSTS_MAX && oldest !== undefined) silent.delete(oldest)
        },
        end: () => {
          if (counts) underWay--
        }
      }
    },
    busy: () => (underWay >= PUSHES_TO_SILENT_MAX ? [...silent] : [])
  }
}
