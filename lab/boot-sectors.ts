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

/** As `readSecondDiskSector`, from the second and the third disk in turn: one that does not answer stops both. */
export function readTwoDisksSector(): Buffer {
  return sector(
    machineCode(
      "31 c0 8e c0", // xor ax, ax; mov es, ax
      "b8 01 02 b9 02 00 ba 81 00 bb 00 7e cd 13", // read sector 2 of disk 81h
      "b8 01 02 b9 02 00 ba 82 00 bb 00 7e cd 13", // read sector 2 of disk 82h
      "fb f4 eb dc", // sti; hlt: until the next tick; jmp to the start
    ),
  );
}

/** Writes sector 2 of the second disk for ever, once per timer tick. */
export function writeSecondDiskSector(): Buffer {
  return sector(
    machineCode(
      "31 c0 8e c0", // xor ax, ax; mov es, ax
      "b8 01 03 b9 02 00 ba 81 00 bb 00 7e cd 13", // write sector 2 of disk 81h
      "fb f4 eb ea", // sti; hlt; jmp to the start
    ),
  );
}

/** Sleeps until a key is pressed, and then writes to the debug console for ever. A reset makes it sleep again. */
export function floodOnKeySector(): Buffer {
  return sector(
    machineCode(
      "b4 00 cd 16", // wait for a key, halted
      "ba e9 00 b0 41", // mov dx, port; mov al, 'A'
      "ee eb fd", // out dx, al; jmp to out
    ),
  );
}

/**
 * Writes to one page of half a megabyte after the other, a thousand of them a second, for ever. The timer is made that
 * fast because a migration ends at the first moment in which nothing was written since it last looked.
 */
export function dirtyMemorySector(): Buffer {
  return sector(
    machineCode(
      "b0 36 e6 43 b0 a9 e6 40 b0 04 e6 40", // program the timer to 1,000 ticks a second
      "bb 00 10", // mov bx, 1000h
      "8e c3 31 ff b9 00 10 b0 5a f3 aa", // mov es, bx; fill 4 kB
      "81 c3 00 01 81 fb 00 90 72 03 bb 00 10", // the next page, up to 90000h
      "fb f4", // sti; hlt: until the next tick
      // QEMU 7.2 under TCG sees a page written a second time only once its translation was thrown away.
      "0f 20 c0 66 35 00 00 01 00 0f 22 c0", // toggle CR0.WP, which does that
      "eb d8", // jmp to mov es
    ),
  );
}

/** Resets the machine a second after it booted, for ever. */
export function rebootLoopSector(): Buffer {
  return sector(
    machineCode(
      "fb b9 12 00 f4 e2 fd", // sti; mov cx, 18; hlt; loop to hlt
      "b0 fe e6 64 f4 eb fd", // out 64h, 0feh: the keyboard controller's reset line
    ),
  );
}

/** Sleeps until a key is pressed, and then tells the pvpanic device that the guest has panicked. */
export function panicOnKeySector(): Buffer {
  return sector(
    machineCode(
      "b4 00 cd 16", // wait for a key, halted
      "ba 05 05 b0 01 ee", // out 505h, 1
      "fa f4 eb fd", // cli; hlt for ever
    ),
  );
}

function machineCode(...lines: string[]): number[] {
  return lines.flatMap((line) => line.split(" ")).map((byte) => Number.parseInt(byte, 16));
}

/** @throws RangeError when the code leaves no room for the signature. */
function sector(code: number[]): Buffer {
  if (code.length > SECTOR_BYTES - 2) throw new RangeError("A boot sector holds 510 bytes of code");
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.set(code, 0);
  bytes.writeUInt16LE(0xaa55, SECTOR_BYTES - 2);
  return bytes;
}
