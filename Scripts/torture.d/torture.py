"""Breaks what Slipway stands on while it works. Scripts/torture --help tells the options."""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import bed as beds
import crowd
import kills
import service
import storage
import store
from bed import Broken, say

PARTS = {'kills': kills, 'crowd': crowd, 'storage': storage, 'service': service, 'store': store}


class Bed(beds.Bed):
    def host(self, name, direct=True, more='', **rest):
        host = beds.Host(self, name, more=more, **rest)
        if not direct:
            with open(host.config) as file:
                text = file.read()
            with open(host.config, 'w') as file:
                file.write(text.replace('allowed_direct_url_schemes: [rbd, file]', 'allowed_direct_url_schemes: []'))
        return host

    def guarded(self, work, *words):
        """In a thread: a judge that failed is a finding, too."""
        try:
            work(*words)
        except Exception as error:
            traceback.print_exc()
            self.report.breach(f'the torture itself: {error}')


def arguments():
    parser = argparse.ArgumentParser(prog='Scripts/torture', description=__doc__)
    parser.add_argument('seconds', nargs='?', type=int, default=120)
    parser.add_argument('--seed', type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument('--only', action='append', choices=list(PARTS))
    parser.add_argument('--kills', type=int, default=200)
    parser.add_argument('--workers', type=int, default=24)
    parser.add_argument('--dir', default=os.environ.get('TMPDIR', '/tmp'))
    parser.add_argument('--stack')
    parser.add_argument('--no-build', action='store_true')
    return parser.parse_args()


def main():
    options = arguments()

    def interrupted(number, _):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    say(f'seed {options.seed}')
    scratch = tempfile.mkdtemp(prefix='slipway-torture.', dir=os.path.realpath(options.dir))
    bed = Bed(options, scratch)
    try:
        bed.prepare()
        for name, part in PARTS.items():
            if options.only and name not in options.only:
                continue
            begun = time.monotonic()
            part.run(bed)
            say(f'{name}: {time.monotonic() - begun:.0f} s')
        for what, count in sorted(bed.report.counts.items()):
            print(f'{count:8}  {what}')
        print(f'{len(bed.report.broken)} promises broken (seed {options.seed})')
        for each in bed.report.broken:
            print('  ' + each)
        return 1 if bed.report.broken else 0
    except KeyboardInterrupt:
        print('Scripts/torture: interrupted', file=sys.stderr)
        return 130
    except (Broken, subprocess.CalledProcessError, OSError) as error:
        print(f'Scripts/torture: {error}', file=sys.stderr)
        return 1
    finally:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        bed.clean()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
