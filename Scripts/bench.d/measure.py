"""Running a program and knowing what it took."""
import os
import signal
import statistics
import subprocess
import threading
import time


class BenchError(Exception):
    pass


RUNNING = set()         # what `run` has started and not waited for, from whatever thread
RUNNING_LOCK = threading.Lock()


class Cost:
    """Seconds and peak resident memory in bytes, of one program or of several after one another."""

    def __init__(self, seconds=0.0, peak=0, output=''):
        self.seconds, self.peak, self.output = seconds, peak, output

    def __add__(self, other):
        return Cost(self.seconds + other.seconds, max(self.peak, other.peak), other.output)


def run(words, environment=None, limit=600):
    """Runs a program to its end. BenchError when it fails, or takes longer than `limit` seconds."""
    began = time.monotonic()
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=environment, text=True, errors='replace')
    with RUNNING_LOCK:
        RUNNING.add(child.pid)
    errors = []
    reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
    alarm = threading.Timer(limit, child.kill)
    reader.start()
    alarm.start()
    try:
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        forget(child)
        seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        forget(child)
        raise
    finally:
        alarm.cancel()
        reader.join()
        child.stdout.close()
        child.stderr.close()
    if child.returncode:
        raise BenchError(f"{' '.join(words)}: exit {child.returncode}\n{output}{''.join(errors)}")
    return Cost(seconds, usage.ru_maxrss << 10, output)


def forget(child):
    with RUNNING_LOCK:
        RUNNING.discard(child.pid)


def stop(patience=15):
    """Ends what other threads of an interrupted run still have running, and waits for it: its files are in the way of what is taken down next."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + patience
        with RUNNING_LOCK:
            for pid in RUNNING:
                os.kill(pid, number)
        while RUNNING and time.monotonic() < end:
            time.sleep(0.05)
        if not RUNNING:
            return


def unmount(path):
    """Takes a file system away, also one that somebody still looks into (a shell, an indexer)."""
    for _ in range(20):
        if subprocess.run(['umount', path], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    subprocess.run(['umount', '--lazy', path], check=True)


def in_turn(name, ours, theirs, pairs, say):
    """A B A B …: one pair after the other, so that what else the machine does meets both."""
    ours(), theirs()        # the first of each fills caches on both sides, and is not counted
    found = []
    for number in range(pairs):
        a, b = ours(), theirs()
        found.append((a, b))
        say(f'{name}: {number + 1} of {pairs}: {a.seconds:.3f} s to {b.seconds:.3f} s, {a.seconds / b.seconds:.3f}')
    return found


class Row:
    """One line of the table."""

    def __init__(self, work, against, goal, pairs):
        ratios = sorted(a.seconds / b.seconds for a, b in pairs)
        self.cells = [
            work, against, f'{statistics.median(a.seconds for a, _ in pairs):.3f}',
            f'{statistics.median(b.seconds for _, b in pairs):.3f}', f'**{statistics.median(ratios):.3f}**',
            f'{ratios[0]:.3f}–{ratios[-1]:.3f}', goal or '',
            mib(max(a.peak for a, _ in pairs)), mib(max(b.peak for _, b in pairs))]


HEAD = ['work', 'against', 'Slipway s', 'other s', 'ratio', 'min–max', 'goal', 'Slipway MiB', 'other MiB']


def table(rows):
    lines = [HEAD, ['---', '---'] + ['--:'] * (len(HEAD) - 2)] + [row.cells for row in rows]
    return ''.join('| ' + ' | '.join(line) + ' |\n' for line in lines)


def mib(count):
    return f'{count / (1 << 20):.0f}'
