import type { BridgeView } from "#lib/api/vm";
import { Card } from "../ui/card.tsx";
import { CodeBlock } from "../ui/code-block.tsx";

const PLAIN = `-chardev socket,id=ripcord,path=/run/ripcord/monitors/NAME.sock,server=on,wait=off \\
-mon chardev=ripcord,mode=control`;

const LIBVIRT = `<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  …
  <qemu:commandline>
    <qemu:arg value='-chardev'/>
    <qemu:arg value='socket,id=ripcord,path=/run/ripcord/monitors/NAME.sock,server=on,wait=off'/>
    <qemu:arg value='-mon'/>
    <qemu:arg value='chardev=ripcord,mode=control'/>
  </qemu:commandline>
</domain>`;

const PROXMOX = `args: -chardev socket,id=ripcord,path=/run/ripcord/monitors/VMID.sock,server=on,wait=off -mon chardev=ripcord,mode=control`;

/** No VM yet: how to give one a monitor of its own for Ripcord. */
export function EmptyFleet({ bridges }: { bridges: BridgeView[] }) {
  const connected = bridges.filter((bridge) => bridge.isConnected);
  return (
    <div className="mx-auto max-w-200 pt-6">
      <h2 className="text-xl font-semibold text-strong">No VM found yet</h2>
      <p className="mt-1 mb-6">
        {connected.length === 0
          ? "No bridge is connected to this hub, so no monitor socket is looked for. Start one beside your QEMUs."
          : `${connected.map((bridge) => bridge.host).join(", ")} ${connected.length === 1 ? "looks" : "look"} for monitor sockets where ripcord.yaml says, by default in /run/ripcord/monitors. Give each VM a monitor of its own there: QEMU serves one client per monitor, so Ripcord never takes the one of another tool.`}{" "}
        A VM appears here within two seconds.
      </p>
      <div className="grid gap-4">
        <Card title="Plain QEMU">
          <p className="mb-2">Add to the command line, and make sure that the folder exists:</p>
          <CodeBlock text={PLAIN} copyLabel="Copy the options for plain QEMU" keepsLines />
        </Card>
        <Card title="libvirt">
          <p className="mb-2">
            Edit the domain (<code className="font-mono text-xs">virsh edit NAME</code>); the namespace on the first line is needed. It
            takes effect at the next start, marks the domain as tainted, and SELinux or AppArmor must allow the path:
          </p>
          <CodeBlock text={LIBVIRT} copyLabel="Copy the XML for libvirt" keepsLines />
        </Card>
        <Card title="Proxmox VE">
          <p className="mb-2">
            Add to <code className="font-mono text-xs">/etc/pve/qemu-server/VMID.conf</code>, effective at the next start:
          </p>
          <CodeBlock text={PROXMOX} copyLabel="Copy the option for Proxmox VE" keepsLines />
          <p className="mt-2">
            Proxmox builds its QEMU without out-of-band monitors: Ripcord sees such a VM and can yank while its main loop lives, but not
            once it hangs.
          </p>
        </Card>
      </div>
    </div>
  );
}
