import type { Accounts, StoredAccount } from "../../../core/pipeline/persistence/accounts.ts"
import type { MemoryStore } from "./store.ts"

/** Accounts in memory: core/pipeline/persistence/accounts.ts says what each method promises. */
export const makeAccounts = ({ tables, nowMs, act, emit }: MemoryStore): Accounts["Service"] => {
  const { accounts, orders } = tables
  const change = (id: string, part: Partial<StoredAccount>): StoredAccount | null => {
    const before = accounts.get(id)
    if (before === undefined) return null
    const after = { ...before, ...part }
    accounts.set(id, after)
    emit({ kind: "account", id })
    return after
  }
  return {
    find: (id) => act("accounts.find", () => accounts.get(id) ?? null),
    list: () => act("accounts.list", () => [...accounts.values()].filter(({ removed }) => !removed)),
    listAll: () => act("accounts.listAll", () => [...accounts.values()]),
    create: (account) =>
      act("accounts.create", () => {
        const known = accounts.get(account.id)
        if (known !== undefined) return known
        const made = { ...account, enabled: true, removed: false, createdAt: new Date(nowMs()) }
        accounts.set(made.id, made)
        emit({ kind: "account", id: made.id })
        return made
      }),
    change: (id, part) => act("accounts.change", () => change(id, part)),
    remove: (id) =>
      act("accounts.remove", () => {
        if (!accounts.has(id)) return null
        const pending = [...orders.values()].filter(
          ({ order }) => order.accountId === id && order.status === "PENDING"
        ).length
        if (pending > 0) return pending
        change(id, { removed: true })
        return "removed"
      }),
    reseal: (id, sealed) => act("accounts.reseal", () => void change(id, { sealed }))
  }
}
