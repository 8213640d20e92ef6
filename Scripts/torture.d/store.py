"""A store whose file system is full at every size, becomes read-only, or loses the end of a file."""
import os
import subprocess
import time

import judge
from bed import say


class Memory:
    """A small file system for a store."""

    def __init__(self, bed, name, size):
        self.path = os.path.join(bed.scratch, name)
        os.mkdir(self.path)
        bed.tool('mount', '-t', 'tmpfs', '-o', f'size={size},mode=755', 'slipway-torture', self.path)
        self.bed = bed

    def remount(self, how):
        self.bed.tool('mount', '-o', f'remount,{how}', self.path)

    def remove(self):
        subprocess.run(['umount', '-l', self.path], capture_output=True)
        os.rmdir(self.path)


def filling(bed):
    """Every fetch that does not fit ends with 6 and leaves nothing; as soon as it fits it is whole."""
    random = bed.draw()
    for image, format in ((bed.images[0], 'raw'), (bed.images[2], 'raw'), (bed.images[0], 'qcow2')):
        size = 256 << 10
        number = 0
        while True:
            number += 1
            memory = Memory(bed, f'small-{image.name}-{format}-{number}', size)
            try:
                host = bed.host(f'filling-{image.name}-{format}-{number}', store=os.path.join(memory.path, 'store'))
                ending = host.run('fetch', image.id, '--format', format)
                if ending.status == 0:
                    judge.bases(host, set(), 'a store that just fits')
                    break
                bed.report.hold(ending.status == 6, f'a full store of {size} bytes: {ending}')
                left = host.names('bases') + host.names('tmp')
                bed.report.hold(not left, f'a full store of {size} bytes: left behind: {left}')
            finally:
                memory.remove()
            bed.report.count('stores full')
            size += random.randrange(1, 8) * (192 << 10)
            if size > 128 << 20:
                bed.report.breach(f'{image.name} as {format} never fits')
                break


def read_only(bed):
    """A file system that turns read-only in the middle."""
    random = bed.draw()
    memory = Memory(bed, 'read-only', 256 << 20)
    try:
        host = bed.host('read-only', store=os.path.join(memory.path, 'store'))
        for _ in range(6):
            image = random.choice(bed.images)
            host.must('cache', 'purge', image.id, but=('base_not_found',))
            process = host.start('fetch', image.id)
            time.sleep(random.uniform(0, 0.4))
            subprocess.run(['mount', '-o', 'remount,ro', memory.path], capture_output=True)     # refused while a file is open for writing
            ending = host.wait(process)
            memory.remount('rw')
            bed.report.hold(ending.status in (0, 2, 5, 6) or ending.code == 'io_error', f'a store that turned read-only: {ending}')
            host.must('fetch', image.id)
            bed.report.count('stores read-only')
        judge.bases(host, set(), 'a store that turned read-only')
        judge.at_rest(host, 'a store that turned read-only')
    finally:
        memory.remove()


def damaged(bed):
    """A base that loses its end, or has a bit turned, under us: found, never used for another disk, brought again when asked."""
    random = bed.draw()
    host = bed.host('damaged')
    for number in range(4):
        image = bed.images[number % 2]
        path = host.must('fetch', image.id, '--format', 'raw').document['path']
        os.chmod(path, 0o644)
        size = os.path.getsize(path)
        if number % 2:
            os.truncate(path, random.randrange(1, size))
        else:
            with open(path, 'r+b') as file:
                place = random.randrange(size)
                file.seek(place)
                byte = file.read(1)
                file.seek(place)
                file.write(bytes([byte[0] ^ 1]))
        found = host.run('cache', 'verify')
        verdicts = [base['verdict'] for base in found.document.get('bases', [])]
        bed.report.hold('damaged' in verdicts, f'a damaged base: {verdicts} {found}')
        again = host.must('fetch', image.id, '--format', 'raw').document.get('path')
        if again:
            bed.report.hold(judge.same_guest(bed, again, 'raw', image), f'after damage {again} has not the bytes of {image.name}')
        bed.report.count('bases damaged')


def run(bed):
    say('store: full at many sizes, read-only, damaged')
    damaged(bed)
    if os.geteuid() != 0:
        say('store: full and read-only stores need root, and are left out')
        return
    filling(bed)
    read_only(bed)
