/** What a positive reading found at the other side of a chardev: through QOM, or on QEMU's own command line. */
export interface ChardevOwner {
  /** `board`: a device of the machine itself, as `-serial` makes it. */
  readonly kind: "device" | "board" | "object" | "netdev" | "tpm" | "monitor";
  /** Device id, QOM path of a device without id, object id, netdev id or tpmdev id; of a board's device the option that made it. */
  readonly id: string;
  /** QOM type: `isa-serial`, `rng-egd`, `monitor-qmp`; type of a netdev: `vhost-user`. */
  readonly type: string;
  /** The name of a virtio port: `org.qemu.guest_agent.0`. */
  readonly portName?: string;
}

/** Objects that hold chardevs, and in which properties. @see QEMU qapi/qom.json, ObjectOptions */
const OBJECT_PROPERTIES: readonly { readonly type: RegExp; readonly properties: readonly string[] }[] = [
  { type: /^monitor-/, properties: ["chardev"] },
  { type: /^rng-egd$/, properties: ["chardev"] },
  { type: /^filter-mirror$/, properties: ["outdev"] },
  { type: /^filter-redirector$/, properties: ["indev", "outdev"] },
  { type: /^colo-compare$/, properties: ["primary_in", "secondary_in", "outdev", "notify_dev"] },
  { type: /^(vhost-user-backend|cryptodev-vhost-user)$/, properties: ["chardev"] },
];

/** The properties in which an object of this type names chardevs; none where it has none. */
export function chardevPropertiesOf(objectType: string): readonly string[] {
  return OBJECT_PROPERTIES.find(({ type }) => type.test(objectType))?.properties ?? [];
}
