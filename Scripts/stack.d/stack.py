"""A private Ceph and OpenStack on loopback, all under one directory. docs/testing.md tells what it has."""
import argparse
import concurrent.futures
import os
import shlex
import signal
import sys
import threading
import time

import place
import processes
from ceph import Cluster
from place import StackError, Usage

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Stack:
    def __init__(self, directory):
        self.dir = os.path.realpath(directory)
        self.settings_file = os.path.join(self.dir, 'settings.json')
        self.json_file = os.path.join(self.dir, 'stack.json')
        self.settings = place.read_json(self.settings_file) or {}
        self.began = time.monotonic()
        self.quiet = False
        self._say = threading.Lock()

    def say(self, what):
        if not self.quiet:
            with self._say:
                print(f'{time.monotonic() - self.began:6.1f} s  {what}', file=sys.stderr, flush=True)

    @property
    def clusters(self):
        names = ['ceph', 'ceph2'] if self.settings.get('two_clusters') else ['ceph']
        osds = self.settings.get('osds', 1)
        return [Cluster(self.dir, n, self.settings['port'], osds) for n in names] if self.settings else []

    @property
    def cloud(self):
        if not self.settings.get('openstack'):
            return None
        from cloud import Cloud
        return Cloud(self)

    @property
    def libvirt(self):
        if not self.settings.get('libvirt'):
            return None
        from libvirt import Libvirt
        return Libvirt(self)

    @property
    def daemons(self):
        found = [d for c in self.clusters for d in c.daemons]
        return found + [d for part in (self.cloud, self.libvirt) if part for d in part.daemons]

    def running(self):
        return bool(self.daemons) and all(processes.pid_of(self.dir, d) for d in self.daemons)

    # --- up

    def up(self, options):
        with place.locked(self.dir, create=True):
            self.settings = place.read_json(self.settings_file) or {}
            complete = place.read_json(self.json_file) is not None
            if not complete and self.settings:
                self.say('half-made: made anew')
                self.tear_down(keep_directory=True)
            wanted = dict(self.settings)
            wanted['two_clusters'] = options.two_clusters or wanted.get('two_clusters', False)
            wanted['openstack'] = not options.ceph_only or wanted.get('openstack', False)
            wanted['libvirt'] = options.libvirt or wanted.get('libvirt', False)
            if options.osds and complete and options.osds != wanted.get('osds', 1):
                raise Usage(f"each cluster of {self.dir} has {wanted.get('osds', 1)} OSDs already")
            wanted['osds'] = options.osds or wanted.get('osds', 1)
            wanted['cinder'] = options.cinder or wanted.get('cinder', False)
            if wanted['cinder'] and not wanted['openstack']:
                raise Usage('--cinder needs OpenStack, and --ceph-only asks for none')
            if options.port and wanted.get('port', options.port) != options.port:
                raise Usage(f"{self.dir} has its ports at {wanted['port']} already")
            if complete and wanted['cinder'] and self.settings.get('openstack') and not self.settings.get('cinder'):
                raise Usage(f'{self.dir} was made without Cinder, and its OpenStack knows of none: take it down first')
            if complete and wanted == {'libvirt': False, 'cinder': False, 'osds': 1, **self.settings} and self.running():
                return
            try:
                wanted['port'] = wanted.get('port') or place.take_ports(self.dir, options.port)
                for sub in ('run', 'log', 'etc', 'home'):
                    os.makedirs(os.path.join(self.dir, sub), exist_ok=True)
                place.write_json(self.settings_file, wanted)
                self.settings = wanted
                self.bring_up()
            except BaseException as error:
                if complete:
                    raise
                # the log goes with the directory: its end must be read first
                if isinstance(error, StackError):
                    error.tail = tail(error.log)
                self.tear_down()
                raise

    def bring_up(self):
        """The clusters and what of OpenStack needs no Ceph at once; Glance when the monitors answer."""
        cloud, clusters = self.cloud, self.clusters
        can_connect = {c.name: threading.Event() for c in clusters}
        failed = threading.Event()

        def guarded(work, *arguments):
            try:
                return work(*arguments)
            except BaseException:
                failed.set()
                for event in can_connect.values():
                    event.set()         # nobody waits for what will not come
                raise

        def ceph_ready():
            for event in can_connect.values():
                event.wait()
            if failed.is_set() or processes.ended:
                raise StackError('interrupted')

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(guarded, c.up, self.say, can_connect[c.name].set) for c in clusters]
            if cloud:
                jobs.append(pool.submit(guarded, cloud.up, self.say, ceph_ready))
            if self.libvirt:
                jobs.append(pool.submit(guarded, self.libvirt.up, self.say))
            try:
                done, _ = concurrent.futures.wait(jobs, return_when=concurrent.futures.FIRST_EXCEPTION)
            except KeyboardInterrupt:
                processes.stop_helpers()        # leaving the block waits for the jobs
                for event in can_connect.values():
                    event.set()
                raise
            errors = [j.exception() for j in done if j.exception()]
            if errors:
                processes.ended = True
                processes.stop_helpers()
                concurrent.futures.wait(jobs)
                errors = [j.exception() for j in jobs if j.exception()]
                raise next((e for e in errors if str(e) != 'interrupted'), errors[0])
        self.describe()

    def describe(self):
        """Writes what tests and people read: stack.json last, since it says that all is there."""
        from describe import describe
        describe(self)

    # --- down

    def tear_down(self, keep_directory=False):
        processes.stop(self.dir)
        if self.libvirt:
            self.libvirt.stop_guests()
        place.give_back_ports(self.dir)
        if keep_directory:
            for name in os.listdir(self.dir):
                if name != place.MARKER:
                    place.remove_path(os.path.join(self.dir, name))
            self.settings = {}
        else:
            place.remove(self.dir)

    def down(self):
        if os.path.isdir(self.dir) and not place.ours(self.dir):
            if not os.listdir(self.dir):
                return
            raise Usage(f'{self.dir} holds no {place.MARKER}: not a stack, nothing removed')
        with place.locked(self.dir, create=False) as there:
            if there:
                self.tear_down()


def tail(log, lines=20):
    if not log:
        return ''
    try:
        with open(log, errors='replace') as f:
            text = f.read()[-20000:].splitlines()[-lines:]
    except OSError:
        return ''
    return ''.join(f'  | {line}\n' for line in text)


def verb_up(stack, options):
    stack.quiet = options.quiet
    stack.up(options)
    stack.say(f'up: {stack.dir} (. {shlex.quote(stack.dir)}/env)')


def verb_down(stack, options):
    stack.down()


def verb_status(stack, options):
    if not place.ours(stack.dir):
        print(f'{stack.dir}: no stack')
        return 1
    broken = 0
    for name in stack.daemons:
        pid = processes.pid_of(stack.dir, name)
        word = 'down' if not pid else 'paused' if processes.state(pid) == 'T' else 'up'
        broken += word != 'up'
        log = next((p for p in (os.path.join(stack.dir, 'log', name + s) for s in ('.log', '.out')) if os.path.exists(p)), '-')
        print(f'{name:14} {word:7} {pid or "-":>8}  {log}')
    if place.read_json(stack.json_file) is None:
        print('half-made: "up" makes it anew, "down" removes it')
        return 1
    return 1 if broken or not stack.daemons else 0


def each_daemon(stack, options):
    for name in options.names:
        if name not in stack.daemons:
            raise Usage(f"no daemon '{name}' in {stack.dir}: " + (', '.join(stack.daemons) or 'no stack'))
    return options.names


def verb_stop(stack, options):
    processes.stop(stack.dir, each_daemon(stack, options))


def verb_start(stack, options):
    for name in each_daemon(stack, options):
        parts = [*stack.clusters, stack.libvirt, stack.cloud]
        next(p for p in parts if p and name in p.daemons).start_daemon(name)


def verb_pause(stack, options):
    for name in each_daemon(stack, options):
        processes.send(processes.pid_of(stack.dir, name) or 0, signal.SIGSTOP, stack.dir)


def verb_resume(stack, options):
    for name in each_daemon(stack, options):
        processes.send(processes.pid_of(stack.dir, name) or 0, signal.SIGCONT, stack.dir)


def print_json(value):
    import json
    print(json.dumps(value, indent=1))


def verb_image(stack, options):
    import images
    print_json(images.image(stack, options))


def verb_glance(stack, options):
    import images
    print_json(images.glance(stack, options))


def verb_python(stack, options):
    import venv
    python = venv.any_python(stack.say)
    os.execv(python, [python, '-B'] + options.words)


def arguments():
    parser = argparse.ArgumentParser(prog='Scripts/stack', description=__doc__)
    verbs = parser.add_subparsers(dest='verb', required=True, metavar='VERB')

    def verb(name, run, help):
        p = verbs.add_parser(name, help=help, description=help)
        p.add_argument('--dir', default=os.path.join(TOP, '.stack'), help='the directory of the stack (default: .stack)')
        p.set_defaults(run=run)
        return p

    p = verb('up', verb_up, 'makes the stack, or starts what of it does not run')
    p.add_argument('--two-clusters', action='store_true', help='a second Ceph cluster too, and a Glance store on it')
    p.add_argument('--ceph-only', action='store_true', help='no OpenStack')
    p.add_argument('--cinder', action='store_true', help='a Cinder too, whose volumes lie in the first cluster')
    p.add_argument('--libvirt', action='store_true', help='a private libvirtd too (needs root)')
    p.add_argument('--osds', type=int, help='OSDs of each cluster (default: 1)')
    p.add_argument('--port', type=int, help=f'the first of {place.BLOCK} ports (default: free ones are looked for)')
    p.add_argument('--quiet', action='store_true', help='say nothing unless something fails')
    verb('down', verb_down, 'stops all daemons and removes the directory')
    verb('status', verb_status, 'tells what runs; 0 only if everything does')
    for name, run, help in (
            ('stop', verb_stop, 'stops daemons of the stack, by their names in "status"'),
            ('start', verb_start, 'starts daemons that were stopped, and waits for them'),
            ('pause', verb_pause, 'freezes daemons: they keep their connections and answer nothing'),
            ('resume', verb_resume, 'wakes daemons that were paused')):
        verb(name, run, help).add_argument('names', nargs='+', metavar='NAME')

    p = verb('image', verb_image, 'uploads an image and prints it as JSON')
    p.add_argument('--file', required=True)
    p.add_argument('--store', default='ceph', help='ceph, local, ceph2; several with commas')
    image_options(p, name_required=True)
    from images import GLANCE_VERBS
    p = verb('glance', verb_glance, 'shows and changes images, prints JSON')
    p.formatter_class = argparse.RawDescriptionHelpFormatter
    p.description = 'verbs:\n' + ''.join(f'  {k:14}{v}\n' for k, v in GLANCE_VERBS.items())
    p.add_argument('what', choices=GLANCE_VERBS, metavar='VERB')
    p.add_argument('words', nargs='*', metavar='WORD')
    image_options(p, name_required=False)
    p = verb('python', verb_python, 'runs a program in the Python environment that has OpenStack in it; needs no running stack')
    p.add_argument('words', nargs='+', metavar='WORD')
    # argparse takes the words of a verb only if no option stands between them
    options, rest = parser.parse_known_args()
    words = getattr(options, 'names', getattr(options, 'words', None))
    if rest and (words is None or any(w.startswith('-') for w in rest)):
        parser.error('unrecognized arguments: ' + ' '.join(rest))
    if rest:
        words.extend(rest)
    return options


def image_options(p, name_required):
    p.add_argument('--name', required=name_required)
    p.add_argument('--disk-format', default='raw')
    p.add_argument('--container-format', default='bare')
    p.add_argument('--property', action='append', default=[], metavar='KEY=VALUE')
    p.add_argument('--visibility', choices=['private', 'shared', 'community', 'public'], default='private')
    p.add_argument('--id', help='the id that the new image gets')
    p.add_argument('--as', dest='user', help='who asks: demo, other, admin, nova, agent (default: demo for what makes an image, else admin)')


def main():
    def interrupted(number, _):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        processes.ended = True
        raise KeyboardInterrupt
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    options = arguments()
    try:
        return options.run(Stack(options.dir), options) or 0
    except KeyboardInterrupt:
        print('Scripts/stack: interrupted', file=sys.stderr)
        return 130
    except Usage as error:
        print(f'Scripts/stack: {error}', file=sys.stderr)
        return 2
    except StackError as error:
        print(f'Scripts/stack: {error}', file=sys.stderr)
        sys.stderr.write(getattr(error, 'tail', None) or tail(error.log))
        return 1


if __name__ == '__main__':
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)      # threads that still wait for what was stopped end here
