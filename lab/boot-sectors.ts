/**
 * Guests of 512 bytes: all the operating system that a hang needs. Each is 16-bit code as the BIOS starts it at
 * 0000:7c00, padded with zeros to the signature at offset 510.
 */
const SECTOR_BYTES = 512;

/** Port of `isa-debugcon` where its `iobase` is not set otherwise. */
export const DEBUG_CONSOLE_PORT = 0xe9;

/** Sleeps for ever and takes no interrupts, so that an idle VM costs no processor time. */
export function idleSector(): Buffer {
  return sector([
    0xfa, // cli
    0xf4, // hlt
    0xeb,
    0xfd, // jmp to hlt
  ]);
}

/** Sleeps until a key is pressed, writes about a megabyte to the debug console, and sleeps again. */
export function burstOnKeySector(): Buffer {
  return sector([
    0xb4,
    0x00,
    0xcd,
    0x16, // mov ah, 0; int 16h: wait for a key, halted
    0xbb,
    0x10,
    0x00, //       mov bx, 16
    0xb9,
    0xff,
    0xff, //       mov cx, 0xffff
    0xba,
    DEBUG_CONSOLE_PORT,
    0x00, // mov dx, port
    0xb0,
    0x41, //             mov al, 'A'
    0xee,
    0xe2,
    0xfd, //       out dx, al; loop to out
    0x4b,
    0x75,
    0xf2, //       dec bx; jnz to mov cx
    0xeb,
    0xe9, //             jmp to the start
  ]);
}

/** Reads sector 2 of the second disk for ever, once per timer tick: about 18 reads a second and no spinning. */
export function readSecondDiskSector(): Buffer {
  return sector([
    0x31,
    0xc0,
    0x8e,
    0xc0, // xor ax, ax; mov es, ax
    0xb8,
    0x01,
    0x02, //       mov ax, 0201h: read one sector
    0xb9,
    0x02,
    0x00, //       mov cx, 2: cylinder 0, sector 2
    0xba,
    0x81,
    0x00, //       mov dx, 81h: the second disk, head 0
    0xbb,
    0x00,
    0x7e, //       mov bx, 7e00h
    0xcd,
    0x13, //             int 13h
    0xfb,
    0xf4, //             sti; hlt: until the next tick
    0xeb,
    0xea, //             jmp to the start
  ]);
}

/** @throws RangeError when the code leaves no room for the signature. */
function sector(code: number[]): Buffer {
  if (code.length > SECTOR_BYTES - 2) throw new RangeError("A boot sector holds 510 bytes of code");
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.set(code, 0);
  bytes.writeUInt16LE(0xaa55, SECTOR_BYTES - 2);
  return bytes;
}
