"""A guest that fits into a boot sector: a raw image whose BIOS boot code says a marker on the first serial port, and halts or goes on.
With `tick` it reads the first sector of the next 64 KiB every second, says its first byte, and writes to the last sector: what a
guest reads wrongly shows in its serial log. Block i begins with the letter i % 26, and a failed read or write says '!'."""
import os
import random
import struct

BLOCK = 65536
ORIGIN = 0x7C00                     # where a BIOS puts a boot sector
DRIVE, BUFFER = 0x0600, 0x8000      # what the code keeps in memory: the boot drive, a sector
COM1 = 0x3F8


class Code:
    """16-bit code with labels; references are mended when all of it is there."""

    def __init__(self):
        self.bytes, self.labels, self.holes = bytearray(), {}, []

    def put(self, *values):
        self.bytes += bytes(values)

    def word(self, value):
        self.bytes += struct.pack('<H', value)

    def label(self, name):
        self.labels[name] = len(self.bytes)

    def near(self, opcode, name):
        """A jump of one byte's reach, or `loop`."""
        self.put(opcode)
        self.holes.append((len(self.bytes), name, 'near', 0))
        self.put(0)

    def call(self, name):
        self.put(0xE8)
        self.holes.append((len(self.bytes), name, 'far', 0))
        self.word(0)

    def address(self, name, plus=0):
        self.holes.append((len(self.bytes), name, 'address', plus))
        self.word(0)

    def out(self, port, value):
        """mov dx, port; mov al, value; out dx, al"""
        self.put(0xBA)
        self.word(port)
        self.put(0xB0, value, 0xEE)

    def sector(self):
        for at, name, kind, plus in self.holes:
            target = self.labels[name]
            if kind == 'near':
                struct.pack_into('<b', self.bytes, at, target - at - 1)
            elif kind == 'far':
                struct.pack_into('<h', self.bytes, at, target - at - 2)
            else:
                struct.pack_into('<H', self.bytes, at, ORIGIN + target + plus)
        if len(self.bytes) > 510:
            raise ValueError('the marker is too long for a boot sector')
        return bytes(self.bytes).ljust(510, b'\0') + b'\x55\xAA'


def boot_sector(marker, size, tick):
    code = Code()
    code.put(0xFA, 0xFC, 0x31, 0xC0)                        # cli; cld; xor ax, ax
    code.put(0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xD0, 0xBC)      # ds, es, ss = ax; mov sp, ORIGIN
    code.word(ORIGIN)
    code.put(0xFB, 0x88, 0x16)                              # sti; mov [DRIVE], dl
    code.word(DRIVE)
    # 115200 baud, 8 bits, no parity, no interrupts
    for register, value in ((1, 0), (3, 0x80), (0, 1), (1, 0), (3, 3), (4, 3)):
        code.out(COM1 + register, value)
    code.put(0xBE)                                          # mov si, marker
    code.address('marker')
    code.label('next')
    code.put(0xAC, 0x84, 0xC0)                              # lodsb; test al, al
    code.near(0x74, 'said')                                 # jz
    code.call('say')
    code.near(0xEB, 'next')
    code.label('said')
    if not tick:
        code.put(0xF4)                                      # hlt
        code.near(0xEB, 'said')
    else:
        code.put(0xB9)                                      # mov cx, 18: ticks of the clock in a second
        code.word(18)
        code.label('wait')
        code.put(0xF4)                                      # hlt
        code.near(0xE2, 'wait')                             # loop
        disk(code, 0x42, 'reading')
        code.put(0xA0)                                      # mov al, [BUFFER]
        code.word(BUFFER)
        code.call('say')
        code.put(0x66, 0xA1)                                # mov eax, [block to read]
        code.address('reading', 8)
        code.put(0x66, 0x05, *struct.pack('<I', BLOCK // 512), 0x66, 0x3D, *struct.pack('<I', size // 512))  # add eax; cmp eax
        code.near(0x72, 'inside')                           # jb
        code.put(0x66, 0x31, 0xC0)                          # xor eax, eax
        code.label('inside')
        code.put(0x66, 0xA3)                                # mov [block to read], eax
        code.address('reading', 8)
        disk(code, 0x43, 'writing')
        code.near(0xEB, 'said')
        code.label('failed')
        code.put(0xB0, ord('!'))                            # mov al, '!'
        code.call('say')
        code.near(0xEB, 'said')
    code.label('say')                                       # al to the serial port, once it takes a byte
    code.put(0x88, 0xC4, 0xBA)                              # mov ah, al; mov dx, line status
    code.word(COM1 + 5)
    code.label('busy')
    code.put(0xEC, 0xA8, 0x20)                              # in al, dx; test al, 0x20
    code.near(0x74, 'busy')                                 # jz
    code.put(0xBA)                                          # mov dx, COM1
    code.word(COM1)
    code.put(0x88, 0xE0, 0xEE, 0xC3)                        # mov al, ah; out dx, al; ret
    # INT 13h packets: one sector at BUFFER, from that block
    for name, block in (('reading', BLOCK // 512), ('writing', size // 512 - 1)):
        code.label(name)
        code.bytes += struct.pack('<BBHHHQ', 16, 0, 1, BUFFER, 0, block)
    code.label('marker')
    code.bytes += marker.encode() + b'\r\n\0'
    return code.sector()


def disk(code, function, packet):
    """INT 13h with that function, on the boot drive; to `failed` where it fails."""
    code.put(0xBE)                                          # mov si, packet
    code.address(packet)
    code.put(0xB8, 0, function, 0x8A, 0x16)                 # mov ax, function; mov dl, [DRIVE]
    code.word(DRIVE)
    code.put(0xCD, 0x13)                                    # int 13h
    code.near(0x72, 'failed')                               # jc


def make(path, marker, size, tick=False):
    """Writes the image: the boot sector, and with `tick` blocks that say where they lie; sparse otherwise."""
    if size % BLOCK or size < 2 * BLOCK:
        raise ValueError(f'the size must be a multiple of {BLOCK}, and two of them at least')
    with open(path, 'wb') as f:
        f.write(boot_sector(marker, size, tick))
        if tick:
            noise = random.Random(1)
            for number in range(1, size // BLOCK):
                f.seek(number * BLOCK)
                f.write(bytes([ord('A') + number % 26]) + noise.randbytes(BLOCK - 1))
        f.truncate(size)
    return os.path.getsize(path)
