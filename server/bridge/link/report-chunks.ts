import type { VmId, VmReport } from "#lib/vm/report";

/** Room for the envelope below the link's limit. */
export const MAX_CHUNK_BYTES = 200 * 1024;

/** A report whose instances are left out from the end until it fits, with a notice that says so. */
export function fitReport(report: VmReport, maxBytes = MAX_CHUNK_BYTES): { report: VmReport; bytes: number } {
  const bytes = sizeOf(report);
  if (bytes <= maxBytes) return { report, bytes };
  let count = report.instances.length;
  while (count > 0) {
    count = Math.floor(count / 2);
    const notice = `Only ${count} of ${report.instances.length} yank instances are shown: the list is too long`;
    const shorter = { ...report, instances: report.instances.slice(0, count), notices: [...report.notices, notice] };
    const shorterBytes = sizeOf(shorter);
    if (shorterBytes <= maxBytes) return { report: shorter, bytes: shorterBytes };
  }
  return { report: { ...report, instances: [], notices: ["This report was too long to send"] }, bytes: 0 };
}

/**
 * Takes ids from the set and makes their reports until one message is full. The reports are made here and now, so that
 * what waits is never an old state.
 */
export function takeChunk(ids: Set<VmId>, make: (vmId: VmId) => VmReport | undefined, maxBytes = MAX_CHUNK_BYTES): VmReport[] {
  const reports: VmReport[] = [];
  let bytes = 0;
  for (const vmId of ids) {
    const made = make(vmId);
    if (made === undefined) {
      ids.delete(vmId);
      continue;
    }
    const fitted = fitReport(made, maxBytes);
    if (reports.length > 0 && bytes + fitted.bytes > maxBytes) break;
    ids.delete(vmId);
    reports.push(fitted.report);
    bytes += fitted.bytes;
  }
  return reports;
}

function sizeOf(report: VmReport): number {
  return Buffer.byteLength(JSON.stringify(report));
}
