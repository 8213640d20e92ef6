"""The Python environment with OpenStack in it: heavy, so all stacks of a machine share one."""
import fcntl
import glob
import hashlib
import os
import shutil
import sys
import time

import processes
from place import StackError, cache_dir, write

HERE = os.path.dirname(os.path.abspath(__file__))
UV = 'uv==0.13.8'               # a tenth of pip's time; pip alone does as well


def digest(*files):
    """A short name for the content of files and this Python."""
    h = hashlib.sha256(sys.version.encode())
    for name in files:
        with open(os.path.join(HERE, name), 'rb') as f:
            h.update(f.read() + b'\0')
    return h.hexdigest()[:12]


def requirements(cinder):
    """What is in the environment: Cinder's is one of its own, so that a stack without it costs nothing more."""
    return 'requirements-cinder.txt' if cinder else 'requirements.txt'


def path(cinder=False):
    return os.path.join(cache_dir(), 'venv-' + digest(requirements(cinder)))


def python(cinder=False):
    return os.path.join(path(cinder), 'bin', 'python')


def any_python(say):
    """One that has OpenStack in it, with or without Cinder: what is there already, else the smaller one."""
    cinder = not is_complete(False) and is_complete(True)
    ensure(say, cinder)
    return python(cinder)


def is_complete(cinder):
    return os.path.exists(os.path.join(path(cinder), 'complete'))


def wait_for_lock(lock):
    while not processes.ended:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
    raise StackError('interrupted')


def ensure(say, cinder=False):
    """Builds the environment unless it is there. It says so itself, in a file written last, since moving a
    finished environment would break the paths in its scripts."""
    home = path(cinder)
    stamp = os.path.join(home, 'complete')
    if os.path.exists(stamp):
        return
    os.makedirs(cache_dir(), exist_ok=True)
    with open(home + '.lock', 'w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say('openstack: another stack builds the Python environment')
            wait_for_lock(lock)
        if os.path.exists(stamp):
            return
        say('openstack: building the Python environment (once for all stacks)')
        shutil.rmtree(home, ignore_errors=True)
        log = home + '.log'
        wanted = os.path.join(HERE, requirements(cinder))

        def run(*command):
            processes.run(command, log, 'building the Python environment with OpenStack', env=dict(os.environ))
        run('/usr/bin/python3', '-m', 'venv', '--without-pip', home)
        # The system's pip, aimed at the environment: unpacking another one into it takes seconds.
        pip = ['/usr/bin/python3', '-m', 'pip', '--python', python(cinder), '--disable-pip-version-check', '-q', 'install']
        try:
            run(*pip, UV)
            run(os.path.join(home, 'bin', 'uv'), 'pip', 'install', '-q', '--compile-bytecode', '--python', python(cinder),
                '-r', wanted)
        except StackError:
            if processes.ended:
                raise
            run(*pip, '-r', wanted)
        # Debian's two extension modules alone, not its whole dist-packages with older libraries
        site = glob.glob(os.path.join(home, 'lib', 'python3*', 'site-packages'))[0]
        for module in ('rados', 'rbd'):
            for built in glob.glob(f'/usr/lib/python3/dist-packages/{module}.cpython-3*.so'):
                os.symlink(built, os.path.join(site, os.path.basename(built)))
        run(python(cinder), '-c', 'import rados, rbd, glance, keystone, barbican' + (', cinder' if cinder else ''))
        write(stamp, '')
        os.unlink(log)
