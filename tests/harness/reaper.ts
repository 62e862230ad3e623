import { type ChildProcess, spawn } from "node:child_process"

/*
 * Ends whatever a test process started when that process ends, even by `kill -9`, which runs no `afterAll`. A small shell
 * in a session of its own reads from its stdin what there is to end; the end of the stdin is the end of the tests.
 */
const SCRIPT = `
trap '' TERM INT HUP
pids=' ' folders= mounts=
while read -r word value; do
  case $word in
    pid) pids="$pids$value " ;;
    ended) pids="\${pids%% $value *} \${pids#* $value }" ;;
    folder) folders="$folders $value" ;;
    mount) mounts="$mounts $value" ;;
  esac
done
for pid in $pids; do kill -9 $pid 2>/dev/null; done
for folder in $folders; do
  for file in $(find $folder -maxdepth 4 -name postmaster.pid 2>/dev/null); do kill -QUIT $(head -n 1 $file) 2>/dev/null; done
done
[ -z "$folders$mounts" ] || { sleep 1; for mount in $mounts; do umount -l $mount && rmdir $mount; done 2>/dev/null; rm -rf $folders; }
`

let shell: ChildProcess | undefined

const tell = (line: string): void => {
  if (shell === undefined) {
    shell = spawn("sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true })
    shell.unref()
  }
  shell.stdin?.write(`${line}\n`)
}

/** Kills this process when the test process ends, unless `ended` is called first. */
export const endsWithUs = (pid: number): void => tell(`pid ${pid}`)

/** Forgets a process that has ended, because another process may get its id. */
export const ended = (pid: number): void => tell(`ended ${pid}`)

/** Removes a folder when the test process ends, and ends a PostgreSQL whose data is in it. The path has no spaces. */
export const folderEndsWithUs = (folder: string): void => tell(`folder ${folder}`)

/** Unmounts a file system when the test process ends, whatever is in it. The path has no spaces. */
export const mountEndsWithUs = (path: string): void => tell(`mount ${path}`)
