/** The whole list. @see QEMU qapi/error.json */
export const QMP_ERROR_CLASSES = ["GenericError", "CommandNotFound", "DeviceNotActive", "DeviceNotFound", "KVMMissingCap"] as const;
export type QmpErrorClass = (typeof QMP_ERROR_CLASSES)[number] | (string & {});
