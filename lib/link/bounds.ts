import type { ActProgress } from "../yank/act.ts";

/** The longest text that a member of the link's messages may have, where it is nowhere bounded more closely. UTF-16 units. */
export const MAX_LINK_TEXT = 4_096;
export const MAX_LINK_ERROR_CLASS = 64;
export const MAX_LINK_EVENT_NAME = 256;
export const MAX_LINK_AFTERMATH = 32;
/** The longest list of instances or events of one VM. */
export const MAX_LINK_LIST = 1_024;

/** What a VM said may be of any length; a hub refuses a whole message for one text that is too long. */
export function clipForLink(text: string, maxLength = MAX_LINK_TEXT): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

/** An act's progress as the link takes it. */
export function clipProgress(progress: ActProgress): ActProgress {
  const { detail, qmpError, aftermath } = progress;
  return {
    ...progress,
    ...(detail === undefined ? {} : { detail: clipForLink(detail) }),
    ...(qmpError === undefined
      ? {}
      : { qmpError: { class: clipForLink(qmpError.class, MAX_LINK_ERROR_CLASS), desc: clipForLink(qmpError.desc) } }),
    aftermath: aftermath.slice(0, MAX_LINK_AFTERMATH).map((text) => clipForLink(text)),
  };
}
