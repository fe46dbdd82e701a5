/** Where the cgroup file systems are mounted that can freeze. @see proc_pid_mountinfo(5) */
export interface CgroupMounts {
  /** The unified hierarchy, and the version 1 freezer; each by its mount point. */
  readonly unified?: string;
  readonly freezer?: string;
}

/** Columns: id, parent, device, root, mount point, options, optional fields, "-", type, source, super options. */
export function parseCgroupMounts(mountinfo: string): CgroupMounts {
  let unified: string | undefined;
  let freezer: string | undefined;
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const mountPoint = left.split(" ")[4];
    const [type, , options = ""] = right.split(" ");
    if (mountPoint === undefined) continue;
    if (type === "cgroup2") unified ??= mountPoint;
    if (type === "cgroup" && options.split(",").includes("freezer")) freezer ??= mountPoint;
  }
  return { ...(unified === undefined ? {} : { unified }), ...(freezer === undefined ? {} : { freezer }) };
}

/**
 * The frozen cgroup that holds a process, its own or one above it; undefined where none is, or where it cannot be read.
 * The kernel answers these reads from memory, whatever the processes in the group do.
 * @param cgroup the text of /proc/PID/cgroup.
 * @param read undefined where a file cannot be read.
 * @see Linux Documentation/admin-guide/cgroup-v2.rst, cgroup.events; cgroup-v1/freezer-subsystem.rst
 */
export function findFrozenCgroup(cgroup: string, mounts: CgroupMounts, read: (path: string) => string | undefined): string | undefined {
  for (const line of cgroup.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined || path.includes("/..")) continue;
    if (controllers === "" && mounts.unified !== undefined) {
      const { unified } = mounts;
      const isFrozen = /^frozen 1$/m.test(read(`${unified}${path}/cgroup.events`) ?? "");
      // `frozen` is told of everything under a frozen group; which one it was is told by `cgroup.freeze`.
      if (isFrozen) return upwards(path).find((each) => read(`${unified}${each}/cgroup.freeze`)?.trim() === "1") ?? path;
    }
    if (controllers?.split(",").includes("freezer") && mounts.freezer !== undefined) {
      const { freezer } = mounts;
      if (read(`${freezer}${path}/freezer.state`)?.trim() !== "FROZEN") continue;
      return upwards(path).find((each) => read(`${freezer}${each}/freezer.self_freezing`)?.trim() === "1") ?? path;
    }
  }
  return undefined;
}

/** The group itself and those above it; the root cannot be frozen. */
function upwards(path: string): string[] {
  const groups: string[] = [];
  for (let each = path.replace(/\/$/, ""); each !== ""; each = each.slice(0, each.lastIndexOf("/"))) groups.push(each);
  return groups;
}
