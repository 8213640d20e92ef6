"""SIGKILL at random moments of every verb that makes or takes away; after each the next request must have its way."""
import signal
import threading
import time

import judge
from bed import say

LANES = 4


class Lane:
    """One host among several on the same pools; its names are its own."""

    def __init__(self, bed, host, number, share):
        self.bed, self.host, self.number, self.share = bed, host, number, share
        self.random = bed.draw()
        self.took = {}                  # how long each kind of work takes, seconds
        self.names = []
        self.held = []                  # what a dead client's watch kept in use, to be deleted later
        self.done = 0

    def run(self):
        while self.done < self.share:
            work = self.random.choice([self.fetch, self.fetch, self.clone, self.clone, self.overlay, self.flat, self.imported, self.prewarm,
                                       self.clean, self.deletion, self.verify])
            work()
            self.done += 1
            self.bed.report.count('kills')
            if self.done % 20 == 0:
                judge.bases(self.host, set(), f'after a kill on {self.host.name}')
        end = time.monotonic() + 120
        for name in self.held:
            while True:
                ending = self.host.run('disk', 'delete', name)
                if ending.code not in ('in_use', 'busy') or time.monotonic() > end:
                    break
                time.sleep(2)
            self.bed.report.hold(ending.status == 0, f'must succeed: {ending}')

    def kill(self, kind, *words):
        """Starts it and kills it somewhere in its work, or a little after."""
        process = self.host.start(*words)
        moment = self.random.uniform(0, 1.15) * self.took.get(kind, 1.0)
        try:
            process.wait(moment)
        except Exception:
            process.send_signal(signal.SIGKILL)
        ending = self.host.wait(process)
        if ending.status >= 0:
            # It was faster than that; the next moment is drawn from what it really takes.
            self.took[kind] = ending.seconds
            self.bed.report.count('ended before the kill')
        return ending

    def again(self, kind, *words, but=()):
        ending = self.host.must(*words, but=but)
        if ending.status == 0:
            self.took[kind] = 0.5 * self.took.get(kind, ending.seconds) + 0.5 * ending.seconds
        return ending

    def fetch(self):
        image = self.random.choice(self.bed.images)
        format = self.random.choice(['qcow2', 'raw'])
        kind = f'fetch {image.name} {format}'
        self.host.must('cache', 'purge', image.id, but=('base_not_found', 'in_use'))
        self.kill(kind, 'fetch', image.id, '--format', format)
        path = self.again(kind, 'fetch', image.id, '--format', format).document.get('path')
        if path:
            self.bed.report.hold(judge.same_guest(self.bed, path, format, image), f'{path} has not the bytes of {image.name}')

    def disk(self, image, target):
        name = f'torture-{self.number}-{len(self.names)}'
        self.names.append(name)
        kind = f'{target} of {image.name}'
        words = ['disk', 'create', name, '--image', image.id, '--target', target]
        self.kill(kind, *words)
        if self.random.random() < 0.6:
            self.again(kind, *words)
            self.bed.report.hold(judge.disk(self.host, name, image, 'after a kill'), f'disk {name} was made and is not ready')
        self.delete(name)

    def delete(self, name):
        ending = self.host.must('disk', 'delete', name, but=('in_use', 'busy'))
        if ending.status != 0:
            self.held.append(name)

    def clone(self):
        self.disk(self.bed.images[0], 'rbd')

    def imported(self):
        """Through a base in the pool, which is sometimes made anew."""
        image = self.random.choice(self.bed.images[2:])
        if self.random.random() < 0.5:
            self.host.must('cache', 'purge', image.id, but=('base_not_found', 'in_use'))
        self.disk(image, 'rbd')

    def overlay(self):
        self.disk(self.random.choice(self.bed.images), 'qcow2')

    def flat(self):
        self.disk(self.random.choice(self.bed.images), 'raw')

    def prewarm(self):
        words = ['prewarm', *[image.id for image in self.bed.images]]
        self.kill('prewarm', *words)
        self.again('prewarm', *words)

    def clean(self):
        self.kill('clean', 'cache', 'clean')
        self.again('clean', 'cache', 'clean')

    def verify(self):
        self.kill('verify', 'cache', 'verify')
        self.again('verify', 'cache', 'verify', but=('base_not_found', 'busy'))

    def deletion(self):
        name = f'torture-{self.number}-{len(self.names)}'
        self.names.append(name)
        image = self.random.choice(self.bed.images)
        target = self.random.choice(['rbd', 'rbd', 'qcow2'])
        self.host.must('disk', 'create', name, '--image', image.id, '--target', target)
        self.kill(f'delete {target}', 'disk', 'delete', name)
        shown = self.host.run('disk', 'show', name)
        if shown.status == 0 and shown.document['state'] == 'ready':
            self.bed.report.hold(judge.disk(self.host, name, image, 'after a deletion that was killed'), f'{name} is ready and cannot be read')
        self.delete(name)


def run(bed):
    lanes = []
    share = -(-bed.options.kills // LANES)
    shared = None
    for number in range(LANES):
        # Two and two on one store.
        host = bed.host(f'kills-{number}', store=shared if number % 2 else None)
        shared = host.store
        lanes.append(Lane(bed, host, number, share))
    say(f'kills: {share * LANES} processes')
    threads = [threading.Thread(target=bed.guarded, args=(lane.run,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [name for lane in lanes for name in lane.names]
    for lane in lanes[::2]:
        judge.bases(lane.host, set(), 'after the kills')
        judge.at_rest(lane.host, 'after the kills')
    judge.pool_at_rest(lanes[0].host, 'vms', names, 'after the kills')
