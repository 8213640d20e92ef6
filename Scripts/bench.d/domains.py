"""What it takes to ask who uses what: 200 domains of libvirt and 1 000 bases (`slipway cache clean --dry-run`, inside the process), against 100 ms.

The domains' overlays lie under no directory that the configuration names, so only libvirt tells of them. With --libvirt URI they are defined
there (and undefined at the end); otherwise in libvirt's test driver.
By itself: SLIPWAY_PROGRAM=… python3 Scripts/bench.d/domains.py [--runs N] [--dir D] [--libvirt URI]
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import cleaning
import measure
from measure import BenchError, Cost, Row

LIMIT = 0.1


def domain(number, disk, kind):
    return (f"<domain type='{kind}'><name>slipway-bench-{os.getpid()}-{number}</name><memory unit='MiB'>32</memory>"
            "<os><type arch='x86_64'>hvm</type></os><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
            f"<source file='{disk}'/><target dev='vda' bus='virtio'/></disk></devices></domain>")


class Host:
    def __init__(self, program, scratch, bases, domains, uri):
        self.uri, self.undo = uri, []
        self.place = cleaning.Place(program, scratch, bases, domains)
        with open(self.place.config, encoding='utf-8') as file:
            settings = json.load(file)
        settings['disks']['roots'] = []
        settings['libvirt']['uri'] = uri or f'test://{scratch}/node.xml'
        with open(self.place.config, 'w', encoding='utf-8') as file:
            json.dump(settings, file)
        if uri:
            self.define()
        else:
            with open(os.path.join(scratch, 'node.xml'), 'w', encoding='utf-8') as file:
                file.write('<node>' + ''.join(domain(n, disk, 'test') for n, disk in enumerate(self.place.disks)) + '</node>')

    def virsh(self, script):
        """Many commands over one connection."""
        subprocess.run(['virsh', '-q', '-c', self.uri], input=script, text=True, check=True, stdout=subprocess.DEVNULL)

    def define(self):
        script = ''
        for number, disk in enumerate(self.place.disks):
            path = os.path.join(self.place.scratch, f'domain-{number}.xml')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(domain(number, disk, 'qemu'))
            script += f'define {path}\n'
        self.virsh(script)

    def undefine(self):
        if self.uri:
            self.virsh(''.join(f'undefine slipway-bench-{os.getpid()}-{n}\n' for n in range(len(self.place.disks))))

    def look(self):
        cost = self.place.slipway('cache', 'clean', '--dry-run')
        answer = json.loads(cost.output)
        if answer['blocked'] or len(answer['evicted']) != self.place.bases - len(self.place.disks):
            raise BenchError(f"{len(answer['evicted'])} evictions, blocked: {answer['blocked']}")
        return Cost(answer['seconds'], cost.peak)


def row(program, scratch, runs, say, uri=None, bases=1_000, domains=200):
    """The table's row. `scratch` is a directory that the caller removes."""
    say(f'domains: making {bases} bases and {domains} domains')
    host = Host(program, scratch, bases, domains, uri)
    try:
        host.look()         # fills caches, and is not counted
        found = [(host.look(), Cost(LIMIT)) for _ in range(runs)]
    finally:
        host.undefine()
    where = 'libvirtd' if uri else "libvirt's test driver"
    return Row(f'in use: {domains} domains of {where}, {bases} bases, inside the process', '100 ms', '≤ 1.00', found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--runs', type=int, default=7)
    parser.add_argument('--dir', default=tempfile.gettempdir())
    parser.add_argument('--libvirt')
    options = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix='slipway-domains-', dir=options.dir)
    try:
        line = row(os.environ['SLIPWAY_PROGRAM'], scratch, options.runs, lambda text: print(text, file=sys.stderr, flush=True), options.libvirt)
        print('| ' + ' | '.join(line.cells) + ' |')
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    main()
