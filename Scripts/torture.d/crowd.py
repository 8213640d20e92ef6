"""Many workers do everything at once on two stores and one pool, names and images shared, while a checker looks."""
import signal
import threading
import time

import judge
from bed import say

# How a request may end that others cross: its name is another's, its making was cancelled by a deletion, its base was just taken away.
CROSSED = ('name_conflict', 'busy', 'in_use', 'cancelled', 'base_not_found', 'disk_not_found')


class Crowd:
    def __init__(self, bed):
        self.bed = bed
        self.hosts = [bed.host('crowd-0'), bed.host('crowd-1')]
        self.end = time.monotonic() + bed.options.seconds
        self.shared = [f'crowd-{n}' for n in range(12)]
        self.kept = {}                  # name → (host, image): of one worker each, until it deletes them
        self.lock = threading.Lock()
        self.own = []

    def worker(self, number):
        random = self.bed.draw()
        host = self.hosts[number % 2]
        while time.monotonic() < self.end:
            work = random.choice([self.fetch, self.fetch, self.create, self.create, self.delete, self.delete, self.keep, self.keep, self.clean,
                                  self.verify, self.purge, self.pin, self.interrupt, self.show])
            work(host, random, number)
            self.bed.report.count('requests of the crowd')

    def ends(self, ending, *more):
        if ending.status not in (0, 130) and ending.code not in CROSSED + more:
            self.bed.report.breach(f'in the crowd: {ending}')
        return ending

    def fetch(self, host, random, number):
        image, format = random.choice(self.bed.images), random.choice(['qcow2', 'raw'])
        self.ends(host.run('fetch', image.id, '--format', format))

    def request(self, random):
        image = random.choice(self.bed.images)
        return ['disk', 'create', random.choice(self.shared), '--image', image.id, '--target', random.choice(['rbd', 'rbd', 'qcow2'])]

    def create(self, host, random, number):
        self.ends(host.run(*self.request(random)))

    def delete(self, host, random, number):
        self.ends(host.run('disk', 'delete', random.choice(self.shared)))

    def interrupt(self, host, random, number):
        process = host.start(*random.choice([self.request(random), ['fetch', random.choice(self.bed.images).id, '--format', 'raw']]))
        try:
            process.wait(random.uniform(0, 2))
        except Exception:
            process.send_signal(signal.SIGINT)
        ending = host.wait(process)
        # Before the program looks at signals Ctrl-C ends it as any other.
        if ending.status != -signal.SIGINT:
            self.ends(ending)

    def keep(self, host, random, number):
        """A disk that nobody else touches must keep its bytes whatever goes on."""
        with self.lock:
            mine = [name for name, (_, _, owner) in self.kept.items() if owner == number]
        if len(mine) >= 3:
            name = random.choice(mine)
            with self.lock:
                del self.kept[name]
            self.ends(host.run('disk', 'delete', name))
            return
        image = random.choice(self.bed.images)
        name = f'kept-{number}-{time.monotonic_ns()}'
        self.own.append(name)
        ending = host.run('disk', 'create', name, '--image', image.id, '--target', random.choice(['rbd', 'qcow2', 'raw']))
        if self.bed.report.hold(ending.status == 0, f'in the crowd, under a name of its own: {ending}'):
            with self.lock:
                self.kept[name] = (host, image, number)

    def clean(self, host, random, number):
        self.ends(host.run('cache', 'clean'))

    def verify(self, host, random, number):
        host.must('cache', 'verify', but=CROSSED)

    def purge(self, host, random, number):
        self.ends(host.run('cache', 'purge', random.choice(self.bed.images[1:]).id))

    def pin(self, host, random, number):
        # The first image's base stays pinned for good, see `checker`.
        self.ends(host.run('cache', random.choice(['pin', 'unpin']), random.choice(self.bed.images[1:]).id))

    def show(self, host, random, number):
        self.ends(host.run(*random.choice([['cache', 'list'], ['disk', 'list'], ['cache', 'show', random.choice(self.bed.images).id]])))

    def checker(self):
        random = self.bed.draw()
        seen = set()
        pinned = [(host, name) for host in self.hosts for name in host.names('bases')]
        while time.monotonic() < self.end:
            for host in self.hosts:
                judge.bases(host, seen, 'in the crowd')
            for host, name in pinned:
                self.bed.report.hold(name in host.names('bases'), f'in the crowd: the pinned base {name} of {host.name} is gone')
            with self.lock:
                some = random.sample(sorted(self.kept), min(4, len(self.kept)))
                chosen = [(name, *self.kept[name][:2]) for name in some]
            for name, host, image in chosen:
                there = judge.disk(host, name, image, 'in the crowd')
                with self.lock:
                    still = name in self.kept
                if still and not there:
                    self.bed.report.breach(f'in the crowd: disk {name} is gone')
            self.bed.report.count('looks of the checker')


def run(bed):
    crowd = Crowd(bed)
    for host in crowd.hosts:
        host.must('fetch', bed.images[0].id, '--format', 'qcow2')
        host.must('cache', 'pin', bed.images[0].id)
    say(f'crowd: {bed.options.workers} workers for {bed.options.seconds} s')
    threads = [threading.Thread(target=bed.guarded, args=(crowd.worker, number)) for number in range(bed.options.workers)]
    threads.append(threading.Thread(target=bed.guarded, args=(crowd.checker,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = set()
    for name, (host, image, _) in sorted(crowd.kept.items()):
        bed.report.hold(judge.disk(host, name, image, 'after the crowd'), f'after the crowd: disk {name} is gone')
    for name in [*crowd.kept, *crowd.shared]:
        for host in crowd.hosts:
            host.must('disk', 'delete', name)
    for host in crowd.hosts:
        judge.bases(host, seen, 'after the crowd')
        judge.at_rest(host, 'after the crowd')
    judge.pool_at_rest(crowd.hosts[0], 'vms', crowd.own + crowd.shared, 'after the crowd')
