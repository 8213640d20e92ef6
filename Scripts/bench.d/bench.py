"""Slipway against rbd, qemu-img and openssl, in pairs. Scripts/bench --help tells the options."""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import cleaning
import domains
import measure
import pool
import storing
import uploads
from images import images
from measure import BenchError, Row

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(TOP, 'docs', 'benchmarks.md')
SNAPSHOT = 'snap'
BEGAN = time.monotonic()


def say(what):
    print(f'{time.monotonic() - BEGAN:6.1f} s  {what}', file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.pairs = options.runs or (3 if options.quick else 7)
        self.program = os.environ['SLIPWAY_PROGRAM']
        self.undo = []              # what was made, to be taken back from the last to the first
        self.rows = []
        self.notes = []

    # --- the place

    def prepare(self):
        self.tmpfs = self.make_tmpfs()
        self.directory = self.options.stack
        if not self.directory:
            self.directory = os.path.join(self.scratch, 'stack')
            script = os.path.join(TOP, 'Scripts', 'stack')
            self.undo.append(lambda: subprocess.run([script, 'down', '--dir', self.directory], check=True))
            say('starting a cluster')
            subprocess.run([script, 'up', '--ceph-only', '--quiet', '--dir', self.directory], check=True)
        with open(os.path.join(self.directory, 'stack.json')) as file:
            stack = json.load(file)
        self.conf, self.fsid = stack['ceph']['conf'], stack['ceph']['fsid']
        self.config = os.path.join(self.scratch, 'slipway.yaml')
        self.store = os.path.join(self.tmpfs, 'store')
        with open(self.config, 'w') as file:
            file.write(f'clusters:\n  - name: main\n    conf: {self.conf}\n    user: slipway\n    image_user: slipway-image\n'
                       f'    image_pools: [images]\n'
                       f'disks:\n  target: rbd\n  cluster: main\n  pool: vms\n  path: {self.scratch}/disks\n'
                       f'file_roots: [{self.tmpfs}]\nbases:\n  pool: slipway-bases\nclean:\n  min_age: 0s\n'
                       f'store:\n  path: {self.store}\n  immutable: off\nlibvirt:\n  uri: none\n')
        self.output = os.path.join(self.tmpfs, 'output')
        self.dense, self.sparse = images(self.options.quick)
        for image in (self.dense, self.sparse):
            say(f'making {image.name}: {image.size >> 30} GiB with {image.runs * 4} MiB of data')
            image.make(self.tmpfs)
            self.upload(image)

    def make_tmpfs(self):
        """A file system in memory: the disk of such a machine would be all that is measured."""
        if os.geteuid() == 0:
            path = os.path.join(self.scratch, 'memory')
            os.mkdir(path)
            made = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=12g,mode=700', 'slipway-bench', path], capture_output=True)
            if made.returncode == 0:
                self.undo.append(lambda: measure.unmount(path))
                return path
        path = tempfile.mkdtemp(prefix='slipway-bench.', dir='/dev/shm')
        self.undo.append(lambda: shutil.rmtree(path))
        return path

    def upload(self, image):
        """As `rbd import` makes it by default, with the protected snapshot that Glance makes."""
        name = f'images/{image.name}'
        if self.options.keep:
            there = subprocess.run(self.rbd('glance', 'snap', 'ls', name), capture_output=True).returncode == 0
            if there:
                return
        else:
            self.undo.append(lambda: self.remove(name))
        measure.run(self.rbd('glance', 'import', '--no-progress', image.path, name))
        measure.run(self.rbd('glance', 'snap', 'create', '--no-progress', f'{name}@{SNAPSHOT}'))
        measure.run(self.rbd('glance', 'snap', 'protect', f'{name}@{SNAPSHOT}'))

    def remove(self, name):
        if not self.options.stack:
            return              # goes with its cluster
        for words in (['snap', 'unprotect', f'{name}@{SNAPSHOT}'], ['snap', 'purge', '--no-progress', name], ['rm', '--no-progress', name]):
            subprocess.run(self.rbd('glance', *words), capture_output=True)

    def clean(self):
        measure.stop()
        problems = []
        for step in reversed(self.undo):
            try:
                step()
            except Exception as error:      # the other steps are still due
                problems.append(str(error))
        for problem in problems:
            print(f'Scripts/bench: cleaning up: {problem}', file=sys.stderr)

    # --- the programs

    def rbd(self, user, *words):
        return ['rbd', '-c', self.conf, '--id', user, *words]

    def url(self, image):
        return f'rbd://{self.fsid}/images/{image.name}/{SNAPSHOT}'

    def slipway(self, *words):
        return measure.run([self.program, *words, '--config', self.config])

    def forget_store(self):
        shutil.rmtree(self.store, ignore_errors=True)

    def forget_output(self):
        if os.path.exists(self.output):
            os.unlink(self.output)

    def fetch(self, image, format, *words):
        """A fetch into a store that is not there yet."""
        self.forget_store()
        cost = self.slipway('fetch', self.url(image), '--disk-format', 'raw', '--format', format, '--json', *words)
        self.path = json.loads(cost.output)['path']
        return cost

    def export(self, image):
        self.forget_output()
        return measure.run(self.rbd('slipway-image', 'export', '--no-progress', f'images/{image.name}@{SNAPSHOT}', self.output))

    def convert(self, image, format):
        # As the user that may write the pool: QEMU registers a watch, which read-only caps do not allow.
        self.forget_output()
        source = f'rbd:images/{image.name}@{SNAPSHOT}:id=glance:conf={self.conf}'
        return measure.run(['qemu-img', 'convert', '-m', '16', '-W', '-f', 'raw', '-O', format, source, self.output])

    def judge(self, image, path, format):
        """The guest's bytes are those of the original; a wrong byte makes all figures worthless."""
        measure.run(['qemu-img', 'compare', '-f', 'raw', '-F', format, image.path, path])
        if format == 'qcow2':
            measure.run(['qemu-img', 'check', '-f', format, path])

    # --- the pairs

    def against(self, name, work, goal, other, ours, theirs):
        if self.options.only and self.options.only not in name:
            return None
        found = measure.in_turn(name, ours, theirs, self.pairs, say)
        self.rows.append(Row(work, f'`{other}`', goal, found))
        self.forget_store()
        self.forget_output()
        return found

    def transfer(self, name, image, format, goal, other, theirs, *words):
        if self.options.only and self.options.only not in name:
            return
        what = f'{image.size >> 30} GiB, {image.runs * 4 / 1024:.1f} GiB of data, to {format}' + (', SHA-512 verified' if words else '')
        self.fetch(image, format, *words)
        self.judge(image, self.path, format)
        self.against(name, what, goal, other, lambda: self.fetch(image, format, *words), theirs)

    def run(self):
        dense, sparse = self.dense, self.sparse
        self.idle = self.slipway('plan', self.url(dense), '--disk-format', 'raw', '--target', 'rbd', '--json').peak
        self.transfer('raw/rbd', dense, 'raw', '0.50', 'rbd export', lambda: self.export(dense))
        self.transfer('raw/qemu', dense, 'raw', '0.60', 'qemu-img convert -m 16 -W -O raw', lambda: self.convert(dense, 'raw'))
        self.transfer('sparse/rbd', sparse, 'raw', '0.12', 'rbd export', lambda: self.export(sparse))
        self.transfer('sparse/qemu', sparse, 'raw', '0.70', 'qemu-img convert -m 16 -W -O raw', lambda: self.convert(sparse, 'raw'))
        self.transfer('qcow2', dense, 'qcow2', '0.60', 'qemu-img convert -m 16 -W -O qcow2', lambda: self.convert(dense, 'qcow2'))
        if not self.options.only or self.options.only in 'digest':
            hash = ['openssl', 'dgst', '-sha512', '-r', dense.path]
            digest = measure.run(hash).output.split()[0]
            self.transfer('digest', dense, 'raw', '1.08', 'openssl dgst -sha512', lambda: measure.run(hash), '--digest', f'sha512:{digest}')
        self.clones()
        self.rows += pool.rows(self, lambda name: not self.options.only or self.options.only in name, say)
        self.store_itself()

    def store_itself(self):
        """What needs no comparison with rbd: a hit, many at once, a cleaning, libvirt's domains."""
        def place(name):
            path = os.path.join(self.scratch, name)
            os.mkdir(path)
            return path

        def wanted(name):
            return not self.options.only or self.options.only in name

        if wanted('store'):
            size = (1 if self.options.quick else 4) << 30
            self.rows += storing.rows(self.program, place('storing'), self.directory, self.pairs, size, 50, say)
        if wanted('cleaning'):
            sizes = (1000, 100) if self.options.quick else (10_000, 1_000)
            self.rows.append(cleaning.row(self.program, place('cleaning'), min(3, self.pairs), say, *sizes))
        if wanted('upload'):
            sizes = [1] if self.options.quick else [2, 5]
            self.rows += uploads.rows(self.program, place('uploads'), self.options.stack, self.pairs, sizes, say)
        if wanted('domains'):
            self.rows.append(domains.row(self.program, place('domains'), max(5, self.pairs), say))

    def clones(self):
        if self.options.only and self.options.only not in 'clone':
            return
        seconds = []

        def ours():
            cost = self.slipway('disk', 'create', 'bench', '--image', self.url(self.dense), '--disk-format', 'raw', '--size', '20G', '--json')
            seconds.append(json.loads(cost.output)['seconds'])
            cost += self.slipway('disk', 'show', 'bench', '--json')
            self.slipway('disk', 'delete', 'bench', '--json')
            return cost

        def theirs():
            rbd = self.rbd
            cost = measure.run(rbd('slipway', 'clone', f'images/{self.dense.name}@{SNAPSHOT}', 'vms/bench-rbd'))
            cost += measure.run(rbd('slipway', 'resize', '--no-progress', '--size', '20G', 'vms/bench-rbd'))
            cost += measure.run(rbd('slipway', 'info', 'vms/bench-rbd'))
            measure.run(rbd('slipway', 'rm', '--no-progress', 'vms/bench-rbd'))
            return cost

        if self.against('clone', 'clone to 20 GiB and show, two processes', '', 'rbd clone; rbd resize; rbd info', ours, theirs):
            self.notes.append(f'Of `disk create`, inside the process, connecting included: {statistics.median(seconds) * 1000:.0f} ms (median).')

    # --- the result

    def report(self):
        with open('/proc/cpuinfo') as file:
            model = re.search(r'model name\s*: (.*)', file.read())
        with open('/proc/meminfo') as file:
            memory = int(re.search(r'MemTotal:\s*(\d+)', file.read()).group(1)) >> 20
        version = subprocess.run(['rbd', '--version'], capture_output=True, text=True).stdout.split()[2:3]
        head = (f'{time.strftime("%Y-%m-%d", time.gmtime())}, {os.cpu_count()} cores ({model.group(1) if model else "?"}), {memory} GiB, '
                f'Ceph {"".join(version)}, {self.pairs} pairs, load average {os.getloadavg()[1]:.1f} (5 minutes; the runs are part of it). '
                f'A connected Slipway that moves nothing has {measure.mib(self.idle)} MiB at its peak.')
        return '\n'.join([head] + self.notes) + '\n\n' + measure.table(self.rows)


def write_page(text):
    with open(PAGE) as file:
        page = file.read()
    new, count = re.subn(r'(<!-- begin: Scripts/bench --write -->\n).*?(<!-- end -->)', lambda m: m.group(1) + text + m.group(2), page,
                         flags=re.DOTALL)
    if count != 1:
        raise BenchError(f'{PAGE} has no place for the table')
    with open(PAGE, 'w') as file:
        file.write(new)


def arguments():
    parser = argparse.ArgumentParser(prog='Scripts/bench', description=__doc__)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--runs', type=int)
    parser.add_argument('--only')
    parser.add_argument('--dir', default=os.environ.get('TMPDIR', '/tmp'))
    parser.add_argument('--stack')
    parser.add_argument('--keep', action='store_true')
    parser.add_argument('--no-build', action='store_true')
    parser.add_argument('--write', action='store_true')
    options = parser.parse_args()
    if options.runs is not None and options.runs < (1 if options.quick or options.only else 5):
        parser.error('at least 5 pairs, or --quick')
    if options.write and (options.quick or options.only):
        parser.error('--write wants the whole of it')
    if options.keep and not options.stack:
        parser.error('--keep goes with --stack')
    return options


def main():
    options = arguments()

    def interrupted(number, _):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    os.makedirs(options.dir, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix='slipway-bench.', dir=os.path.realpath(options.dir))
    bench = Bench(options, scratch)
    try:
        bench.prepare()
        bench.run()
        text = bench.report()
        print(text, end='', flush=True)
        if options.write:
            write_page(text)
        return 0
    except KeyboardInterrupt:
        print('Scripts/bench: interrupted', file=sys.stderr)
        return 130
    except (BenchError, subprocess.CalledProcessError, OSError) as error:
        print(f'Scripts/bench: {error}', file=sys.stderr)
        return 1
    finally:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        bench.clean()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
