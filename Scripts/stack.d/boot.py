"""A machine as small as they come, for the demo: a disk that prints a marker on the serial console, and a domain around a
`<disk>` element.

    boot.py disk FILE MARKER [MIB]              makes the disk
    boot.py domain NAME DISK.xml CONSOLE        prints the domain
    boot.py wait CONSOLE MARKER                 waits until the console has the marker, 60 s at most
"""
import sys
import time


def sector(marker, sectors):
    """16-bit code: sets up COM1 (port 0x3F8), sends the marker byte by byte, and halts. Behind it one partition, over all the rest."""
    code = bytearray(b'\xfa\x31\xc0\x8e\xd8\x8e\xd0\xbc\x00\x7c')       # cli; ds = ss = 0; sp = 7C00
    for port, value in ((0x3F9, 0), (0x3FB, 0x80), (0x3F8, 1), (0x3F9, 0), (0x3FB, 3), (0x3FC, 3)):
        code += bytes((0xBA, port & 0xFF, port >> 8, 0xB0, value, 0xEE))    # mov dx, port; mov al, value; out dx, al
    text = len(code) + 3 + 24 + 3
    code += b'\xbe' + (0x7C00 + text).to_bytes(2, 'little')             # mov si, marker
    # lodsb; test al, al; jz halt; mov ah, al; mov dx, 3FD; in al, dx; test al, 20h; jz -5; mov dx, 3F8; mov al, ah; out dx, al; jmp lodsb
    code += b'\xac\x84\xc0\x74\x12\x88\xc4\xba\xfd\x03\xec\xa8\x20\x74\xfb\xba\xf8\x03\x88\xe0\xee\xeb\xe9\x90'
    code += b'\xf4\xeb\xfd'                                             # halt: hlt; jmp halt
    code += marker.encode() + b'\r\n\0'
    assert len(code) <= 446, 'the marker is too long'
    partition = b'\x80\x00\x02\x00\x83\xff\xff\xff' + (1).to_bytes(4, 'little') + (sectors - 1).to_bytes(4, 'little')
    return bytes(code.ljust(446, b'\0')) + partition.ljust(64, b'\0') + b'\x55\xaa'


DOMAIN = '''\
<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
<devices><controller type='usb' model='none'/><memballoon model='none'/>
{disk}
<serial type='file'><source path='{console}'/><target port='0'/></serial></devices></domain>
'''


def main(verb, *words):
    if verb == 'disk':
        size = int(words[2] if len(words) > 2 else 16) << 20
        with open(words[0], 'wb') as file:
            file.write(sector(words[1], size // 512))
            file.truncate(size)
    elif verb == 'domain':
        with open(words[1]) as file:
            print(DOMAIN.format(name=words[0], disk=file.read().strip(), console=words[2]), end='')
    elif verb == 'wait':
        deadline = time.monotonic() + 60
        while True:
            try:
                with open(words[0], 'rb') as file:
                    if words[1].encode() in file.read():
                        return
            except OSError:
                pass
            if time.monotonic() > deadline:
                sys.exit(f'{words[0]}: {words[1]} never came')
            time.sleep(0.01)
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
