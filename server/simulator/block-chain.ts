import type { SimulatedBlockNode } from "./options.ts";

/** A child by the name that QEMU gives the edge to it. */
export interface ChildEdge {
  readonly name: string;
  readonly nodeName: string;
}

/** The nodes directly below one, in QEMU's order. */
export function childrenOf(node: SimulatedBlockNode): ChildEdge[] {
  switch (node.driver) {
    case "nbd":
    case "file":
      return [];
    case "quorum":
      return node.children.map((nodeName, index) => ({ name: `children.${index}`, nodeName }));
    case "qcow2": {
      const file = { name: "file", nodeName: node.file };
      return node.backing === undefined ? [file] : [{ name: "backing", nodeName: node.backing }, file];
    }
    default:
      return [{ name: "file", nodeName: node.file }];
  }
}

/** The nodes that a read goes through, from the top: the file of a format, the first child of a quorum. */
export function readPath(nodes: readonly SimulatedBlockNode[], top: string): SimulatedBlockNode[] {
  const path: SimulatedBlockNode[] = [];
  let name: string | undefined = top;
  while (name !== undefined && path.length <= nodes.length) {
    const next: SimulatedBlockNode | undefined = findNode(nodes, name);
    if (!next) break;
    path.push(next);
    const children = childrenOf(next);
    name = (children.find((child) => child.name === "file") ?? children[0])?.nodeName;
  }
  return path;
}

export function findNode(nodes: readonly SimulatedBlockNode[], nodeName: string | undefined): SimulatedBlockNode | undefined {
  return nodes.find((node) => node.nodeName === nodeName);
}
