"""What the store itself costs: a hit, against 5 ms; and fifty fetches of one cold image at once, against one.

By itself: SLIPWAY_PROGRAM=… python3 Scripts/bench.d/storing.py [--quick] [--runs N] [--dir D] [--stack S]
Without a stack the image is a local file and not a snapshot in Ceph.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import measure
from images import Image
from measure import BenchError, Cost, Row

GIB = 1 << 30
HIT = 0.005
SNAPSHOT = 'snap'


class Place:
    """A store in memory, and an image that is fetched by location and digest, so that no image service is asked."""

    def __init__(self, program, scratch, say):
        self.program, self.scratch, self.say = program, scratch, say
        self.undo = []              # what was made, to be taken back from the last to the first
        self.whole = []             # seconds of whole processes that found a hit
        self.memory = os.path.join(scratch, 'memory')
        self.store = os.path.join(self.memory, 'store')
        self.config = os.path.join(scratch, 'slipway.yaml')

    def prepare(self, stack, size):
        os.mkdir(self.memory)
        measure.run(['mount', '-t', 'tmpfs', '-o', 'size=8g,mode=700', 'slipway-bench', self.memory])
        self.undo.append(lambda: measure.unmount(self.memory))
        image = Image(f'bench-store-{os.getpid()}', size, int(size * 0.3) >> 22, 3)
        self.say(f'making {size >> 30} GiB with {image.runs * 4} MiB of data')
        image.make(self.memory)
        digest = measure.run(['openssl', 'dgst', '-sha256', '-r', image.path]).output.split()[0]
        settings = {'store': {'path': self.store, 'immutable': 'off'}, 'libvirt': {'uri': 'none'}, 'file_roots': [self.memory],
                    'disks': {'target': 'qcow2', 'path': os.path.join(self.scratch, 'disks')}}
        location = image.path
        if stack:
            location = self.upload(image, stack, settings)
        with open(self.config, 'w', encoding='utf-8') as file:
            json.dump(settings, file)
        self.words = [self.program, 'fetch', location, '--disk-format', 'raw', '--digest', f'sha256:{digest}', '--config', self.config, '--json']

    def upload(self, image, stack, settings):
        with open(os.path.join(stack, 'stack.json'), encoding='utf-8') as file:
            story = json.load(file)
        conf, fsid = story['ceph']['conf'], story['ceph']['fsid']
        settings['clusters'] = [{'name': 'main', 'conf': conf, 'user': 'slipway', 'image_user': 'slipway-image', 'image_pools': ['images']}]
        settings['disks'] |= {'cluster': 'main', 'pool': 'vms'}
        name = f'images/{image.name}'

        def rbd(*words):
            return ['rbd', '-c', conf, '--id', 'glance', *words]

        def remove():
            for words in (['snap', 'unprotect', f'{name}@{SNAPSHOT}'], ['snap', 'purge', '--no-progress', name], ['rm', '--no-progress', name]):
                subprocess.run(rbd(*words), capture_output=True, check=False)

        self.undo.append(remove)
        self.say('uploading it')
        measure.run(rbd('import', '--no-progress', image.path, name))
        measure.run(rbd('snap', 'create', '--no-progress', f'{name}@{SNAPSHOT}'))
        measure.run(rbd('snap', 'protect', f'{name}@{SNAPSHOT}'))
        return f'rbd://{fsid}/{name}/{SNAPSHOT}'

    def environment(self):
        return {key: value for key, value in os.environ.items() if not key.startswith(('SLIPWAY_', 'OS_'))}

    def fetch(self):
        return measure.run(self.words, self.environment())

    def cold(self, count):
        """So many processes at once, on a store that is not there yet: the time until the last has its answer."""
        shutil.rmtree(self.store, ignore_errors=True)
        costs, failed = [], []

        def one():
            try:
                costs.append(self.fetch())
            except BenchError as error:
                failed.append(error)

        began = time.monotonic()
        threads = [threading.Thread(target=one) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - began
        if failed:
            raise failed[0]
        outcomes = sorted(json.loads(cost.output)['outcome'] for cost in costs)
        if outcomes != ['fetched'] + ['hit'] * (count - 1):
            raise BenchError(f'{count} at once: {outcomes}')
        return Cost(seconds, max(cost.peak for cost in costs))

    def hit(self):
        """The work inside the process, from its request to its answer: no start of a program, nothing connected."""
        cost = self.fetch()
        document = json.loads(cost.output)
        if document['outcome'] != 'hit':
            raise BenchError('a fetch of what is here is no hit')
        self.whole.append(cost.seconds)
        return Cost(document['seconds'], cost.peak)

    def hits(self, count):
        self.fetch()
        self.whole = []
        pairs = [(self.hit(), Cost(HIT)) for _ in range(count)]
        return Row(f'a hit, inside the process ({statistics.median(self.whole) * 1000:.0f} ms with its start and end)', '5 ms', '≤ 1.00', pairs)

    def clean(self):
        measure.stop()
        for step in reversed(self.undo):
            try:
                step()
            except (BenchError, subprocess.CalledProcessError, OSError) as error:       # the other steps are still due
                self.say(f'cleaning up: {error}')


def rows(program, scratch, stack, pairs, size, crowd, say):
    """The two lines of the table."""
    place = Place(program, scratch, say)
    try:
        place.prepare(stack, size)
        found = measure.in_turn(f'{crowd} at once', lambda: place.cold(crowd), lambda: place.cold(1), pairs, say)
        how = 'a snapshot in Ceph' if stack else 'a local file'
        return [place.hits(max(20, pairs)),
                Row(f'{crowd} fetches of one cold image at once ({size / GIB:.0f} GiB, {how})', 'one fetch', '≤ 1.15', found)]
    finally:
        place.clean()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--runs', type=int)
    parser.add_argument('--dir', default=os.environ.get('TMPDIR', '/tmp'))
    parser.add_argument('--stack')
    options = parser.parse_args()
    began = time.monotonic()

    def say(what):
        print(f'{time.monotonic() - began:6.1f} s  {what}', file=sys.stderr, flush=True)

    scratch = tempfile.mkdtemp(prefix='slipway-bench.', dir=os.path.realpath(options.dir))
    try:
        size, crowd = (GIB, 50) if options.quick else (4 * GIB, 50)
        found = rows(os.environ['SLIPWAY_PROGRAM'], scratch, options.stack, options.runs or (3 if options.quick else 5), size, crowd, say)
        print(measure.table(found), end='')
        return 0
    except (BenchError, subprocess.CalledProcessError, OSError) as error:
        print(f'Scripts/bench.d/storing.py: {error}', file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
