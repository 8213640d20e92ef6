"""What is tortured: a stack, images whose bytes are known, hosts that run the program; and the list of broken promises."""
import json
import os
import random
import signal
import subprocess
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BOUND = 150             # seconds after which a request hangs; each has a deadline of DEADLINE
DEADLINE = '90s'
BEGAN = time.monotonic()


def say(what):
    print(f'{time.monotonic() - BEGAN:7.1f} s  {what}', flush=True)


class Broken(Exception):
    """A promise that was not kept."""


class Report:
    """What was done, and which promises were broken."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = {}
        self.broken = []

    def count(self, what, number=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + number

    def breach(self, what):
        with self.lock:
            self.broken.append(what)
        say('BROKEN  ' + what)

    def hold(self, promise, what):
        if not promise:
            self.breach(what)
        return promise


class Ending:
    """How a run of the program ended."""

    def __init__(self, words, status, output, errors, seconds):
        self.words, self.status, self.output, self.errors, self.seconds = words, status, output, errors, seconds

    @property
    def document(self):
        try:
            return json.loads(self.output)
        except ValueError:
            return {}

    @property
    def code(self):
        return (self.document.get('error') or {}).get('code')

    def __str__(self):
        tail = ' '.join((self.errors or self.output).split())[-300:]
        return f'slipway {" ".join(self.words)}: {self.status} {self.code or ""} after {self.seconds:.1f} s: {tail}'


class Image:
    def __init__(self, name, format, path, raw, made):
        self.name, self.format, self.path, self.raw, self.id = name, format, path, raw, made['id']
        self.url = made.get('direct_url')


class Host:
    """A configuration with a store and disks of its own; hosts share the pools."""

    def __init__(self, bed, name, store=None, more='', images='{ cloud: slipway }', user='slipway', pool='vms'):
        self.bed, self.name = bed, name
        self.place = os.path.join(bed.scratch, name)
        self.store = store or os.path.join(self.place, 'store')
        self.disks = os.path.join(self.place, 'disks')
        os.makedirs(self.place, exist_ok=True)
        self.config = os.path.join(self.place, 'slipway.yaml')
        clusters = ''
        for label, key in (('main', 'ceph'), ('second', 'ceph2')):
            if key in bed.story:
                conf = bed.story[key]['conf'] if user == 'slipway' else bed.story[key]['admin_conf']
                clusters += (f'  - {{ name: {label}, conf: {conf}, fsid: {bed.story[key]["fsid"]}, user: {user}, '
                             f'image_user: {"slipway-image" if user == "slipway" else "null"}, image_pools: [images], timeout: 10s }}\n')
        with open(self.config, 'w') as file:
            file.write(f'clusters:\n{clusters}'
                       f'disks: {{ target: rbd, cluster: main, pool: {pool}, path: {self.disks}, busy_wait: 1s }}\n'
                       f'store: {{ path: {self.store}, immutable: off }}\nlibvirt: {{ uri: none }}\nimages: {images}\n'
                       f'allowed_direct_url_schemes: [rbd, file]\nfile_roots: [{bed.story["stores"]["local"]["path"]}]\n'
                       f'clean: {{ min_age: 0s, unused_for: 1h }}\n' + more)

    def start(self, *words):
        words = [*words, '--config', self.config, '--json']
        if words[0] in ('fetch', 'prewarm') or words[:2] in (['disk', 'create'], ['disk', 'delete']):
            words += ['--deadline', DEADLINE]
        begun = time.monotonic()
        process = subprocess.Popen([self.bed.program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=self.bed.environment, start_new_session=True)
        process.words, process.begun = words, begun
        return process

    def wait(self, process, bound=BOUND):
        try:
            output, errors = process.communicate(timeout=bound)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            self.bed.report.breach(f'hangs: {" ".join(process.words)} for {bound} s: {errors[-300:]}')
        ending = Ending(process.words, process.returncode, output, errors, time.monotonic() - process.begun)
        self.check(ending)
        return ending

    def run(self, *words, bound=BOUND):
        return self.wait(self.start(*words), bound)

    def check(self, ending):
        """What holds for every run, however it ended."""
        report = self.bed.report
        if ending.status < 0 and -ending.status not in (signal.SIGKILL, signal.SIGINT):
            report.breach(f'crashed: {ending}')
        if ending.status == 1 and ending.code != 'io_error':
            report.breach(f'an error that nobody foresaw: {ending}')
        if ending.status > 0 and ending.status != 130 and not ending.document:
            report.breach(f'no document: {ending}')
        for secret in self.bed.secrets:
            if secret in ending.output or secret in ending.errors:
                report.breach(f'a secret is printed: slipway {" ".join(ending.words)}')

    def must(self, *words, bound=BOUND, but=()):
        """A run that must succeed, or end with one of the codes `but`."""
        ending = self.run(*words, bound=bound)
        if ending.status == 8:
            # Of many, some were taken away meanwhile.
            codes = {(base.get('error') or {}).get('code') for base in ending.document.get('bases', []) if base.get('error')}
            if codes and codes <= set(but):
                return ending
        if ending.status != 0 and ending.code not in but:
            self.bed.report.breach(f'must succeed: {ending}')
        return ending

    def names(self, room):
        try:
            return sorted(os.listdir(os.path.join(self.store, room)))
        except FileNotFoundError:
            return []


class Bed:
    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.program = os.environ['SLIPWAY_PROGRAM']
        self.random = random.Random(options.seed)
        self.report = Report()
        self.undo = []
        self.uploaded = []

    # --- the place

    def prepare(self):
        self.directory = self.options.stack
        if not self.directory:
            self.directory = os.path.join(self.scratch, 'stack')
            self.undo.append(lambda: self.stack('down'))
            say('starting a stack')
            self.stack('up', '--quiet', '--two-clusters')
        with open(os.path.join(self.directory, 'stack.json')) as file:
            self.story = json.load(file)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(('OS_', 'CEPH_', 'SLIPWAY_'))}
        self.environment['OS_CLIENT_CONFIG_FILE'] = self.story['clouds_yaml']
        self.secrets = [a['secret'] for a in self.story['app_credentials'].values()]
        say('uploading images')
        raw = self.file('a', 24 << 20)
        other = self.file('b', 7 << 20)
        qcow2 = os.path.join(self.scratch, 'c.qcow2')
        self.tool('qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', self.file('c', 16 << 20), qcow2)
        self.images = [
            self.upload('raw', 'raw', raw, raw), self.upload('small', 'raw', other, other, store='local'),
            self.upload('qcow2', 'qcow2', qcow2, os.path.join(self.scratch, 'c')),
            self.upload('away', 'raw', other, other, store='ceph2'),
        ]

    def clean(self):
        for image in self.uploaded if self.options.stack else []:
            subprocess.run([os.path.join(TOP, 'Scripts', 'stack'), 'glance', '--dir', self.directory, 'delete', image.id], capture_output=True)
        for step in reversed(self.undo):
            try:
                step()
            except Exception as error:      # the other steps are still due
                print(f'Scripts/torture: cleaning up: {error}', flush=True)

    def file(self, name, size):
        """A sparse file of seeded bytes: runs of data, holes, and a tail of less than a cluster."""
        path = os.path.join(self.scratch, name)
        rng = random.Random(f'{self.options.seed} {name}')
        with open(path, 'wb') as file:
            file.truncate(size + 512 * rng.randrange(1, 100))
            for _ in range(12):
                file.seek(rng.randrange(size - (1 << 20)))
                file.write(rng.randbytes(rng.randrange(4096, 1 << 20)))
        return path

    def upload(self, name, format, path, raw, store='ceph'):
        output = self.stack('image', '--file', path, '--name', f'torture-{name}-{os.getpid()}', '--disk-format', format, '--visibility', 'public',
                            '--store', store)
        image = Image(name, format, path, raw, json.loads(output))
        self.uploaded.append(image)
        return image

    # --- programs that are not ours

    def stack(self, verb, *words):
        command = [os.path.join(TOP, 'Scripts', 'stack'), verb, '--dir', self.directory, *words]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def tool(self, *words, check=True):
        done = subprocess.run(words, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise Broken(f'{" ".join(words)}: {done.returncode} {done.stderr.strip()[-300:]}')
        return done.stdout

    def ceph(self, *words, cluster='ceph', check=True):
        return self.tool('ceph', '-c', self.story[cluster]['admin_conf'], *words, check=check)

    def rbd(self, *words, cluster='ceph', check=True):
        return self.tool('rbd', '-c', self.story[cluster]['admin_conf'], *words, check=check)

    def rados(self, *words, check=True):
        return self.tool('rados', '-c', self.story['ceph']['admin_conf'], *words, check=check)

    def draw(self):
        """A generator of its own, drawn from the seed: threads share none."""
        return random.Random(self.random.random())


