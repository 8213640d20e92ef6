"""A disk becomes an image: by clone (`slipway disk upload`), and by `rbd export` piped to the image service. Needs Keystone and Glance, so a whole stack.

By itself: SLIPWAY_PROGRAM=… python3 Scripts/bench.d/uploads.py [--runs N] [--dir D] [--stack S] [--quick]
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

import measure
from images import Image
from measure import Row

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOAL = '≤ 0.03'


class Bed:
    def __init__(self, program, scratch, stack):
        self.program, self.scratch = program, scratch
        with open(os.path.join(stack, 'stack.json'), encoding='utf-8') as file:
            self.stack = json.load(file)
        self.conf, self.glance = self.stack['ceph']['conf'], self.stack['glance']
        self.images, self.disks = [], []
        self.config = os.path.join(scratch, 'upload.yaml')
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(f'clusters:\n  - name: main\n    conf: {self.conf}\n    user: slipway\n    image_user: slipway-image\n'
                       f'    upload_user: slipway-upload\n    image_pools: [images]\n'
                       f'disks: {{ target: rbd, cluster: main, pool: vms, path: {scratch}/disks }}\n'
                       f'store: {{ path: {scratch}/store, immutable: off }}\nlibvirt: {{ uri: none }}\nimages: {{ cloud: slipway }}\n'
                       f'enable_clone_upload: true\nupload: {{ rate: 0 }}\nclean: {{ min_age: 0s }}\n')
        self.environment = dict(os.environ, OS_CLIENT_CONFIG_FILE=self.stack['clouds_yaml'])

    def slipway(self, *words):
        return measure.run([self.program, *words, '--config', self.config, '--json'], self.environment)

    def rbd(self, user, *words):
        return ['rbd', '-c', self.conf, '--id', user, *words]

    def ask(self, method, path, body=None, token=None, root=None):
        request = urllib.request.Request((root or self.glance) + path, method=method, data=json.dumps(body).encode() if body else None,
                                         headers={'Content-Type': 'application/json', **({'X-Auth-Token': token} if token else {})})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.headers, answer.read()

    def token(self):
        who = {'name': 'admin', 'domain': {'name': 'Default'}, 'password': self.stack['passwords']['admin']}
        headers, _ = self.ask('POST', '/auth/tokens', {'auth': {
            'identity': {'methods': ['password'], 'password': {'user': who}},
            'scope': {'project': {'name': 'admin', 'domain': {'name': 'Default'}}}}}, root=self.stack['keystone'])
        return headers['X-Subject-Token']

    def disk(self, gib):
        """A disk of ours that is full of random bytes and stands alone."""
        name = f'bench-upload-{os.getpid()}-{gib}'
        image = Image(name, gib << 30, gib * 256, 7)
        image.make(self.scratch)
        snapshot = f'images/{name}'
        measure.run(self.rbd('glance', 'import', '--no-progress', image.path, snapshot))
        os.unlink(image.path)
        measure.run(self.rbd('glance', 'snap', 'create', '--no-progress', f'{snapshot}@snap'))
        measure.run(self.rbd('glance', 'snap', 'protect', f'{snapshot}@snap'))
        try:
            url = f"rbd://{self.stack['ceph']['fsid']}/images/{name}/snap"
            self.slipway('disk', 'create', name, '--image', url, '--disk-format', 'raw')
            self.disks.append(name)
            self.slipway('disk', 'flatten', name)
        finally:
            for words in (['snap', 'unprotect', f'{snapshot}@snap'], ['snap', 'purge', '--no-progress', snapshot], ['rm', '--no-progress', snapshot]):
                subprocess.run(self.rbd('glance', *words), capture_output=True, check=False)
        return name

    def ours(self, disk):
        cost = self.slipway('disk', 'upload', disk, '--image-name', disk)
        answer = json.loads(cost.output)
        if answer['route'] != 'clone':
            raise measure.BenchError(f"no clone: {answer['reason']}: {answer['detail']}")
        self.forget(answer['image'])
        return cost

    def theirs(self, disk):
        token = self.token()
        image = str(uuid.uuid4())
        self.ask('POST', '/v2/images', {'id': image, 'name': disk, 'disk_format': 'raw', 'container_format': 'bare'}, token)
        export = ' '.join(self.rbd('slipway', 'export', '--no-progress', f'vms/{disk}', '-'))
        send = (f"curl -sSf -X PUT -T - -H 'X-Auth-Token: {token}' -H 'Content-Type: application/octet-stream' "
                f'{self.glance}/v2/images/{image}/file')
        cost = measure.run(['bash', '-o', 'pipefail', '-c', f'{export} | {send}'], limit=1800)
        self.forget(image)
        return cost

    def forget(self, image):
        """The image goes, and what the clone left to do, outside of what is measured: when Glance has hashed it, since that would be in the next one's way."""
        token = self.token()
        end = time.monotonic() + 300
        while time.monotonic() < end:
            _, body = self.ask('GET', f'/v2/images/{image}', token=token)
            if json.loads(body)['os_hash_value']:
                break
            time.sleep(0.2)
        while True:
            try:
                self.ask('DELETE', f'/v2/images/{image}', token=token)
                break
            except urllib.error.HTTPError:      # its task may not have let go of it
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)
        self.slipway('cache', 'clean')

    def clean(self):
        for disk in self.disks:
            subprocess.run([self.program, 'disk', 'delete', disk, '--config', self.config], capture_output=True, check=False)


def rows(program, scratch, stack, pairs, sizes, say):
    """One row for each size in GiB. Without a stack it starts one of its own."""
    own = None
    if not stack or not has_openstack(stack):
        own = stack = os.path.join(scratch, 'upload-stack')
        subprocess.run([os.path.join(TOP, 'Scripts', 'stack'), 'up', '--quiet', '--dir', own], check=True)
    found = []
    try:
        for gib in sizes:
            bed = Bed(program, scratch, stack)
            try:
                disk = bed.disk(gib)
                pair = measure.in_turn(f'upload {gib} GiB', lambda: bed.ours(disk), lambda: bed.theirs(disk), pairs, say)
                found.append(Row(f'upload of a {gib} GiB disk by clone', '`rbd export` piped to Glance', GOAL, pair))
            finally:
                bed.clean()
    finally:
        if own:
            subprocess.run([os.path.join(TOP, 'Scripts', 'stack'), 'down', '--dir', own], check=True)
    return found


def has_openstack(stack):
    with open(os.path.join(stack, 'stack.json'), encoding='utf-8') as file:
        return bool(json.load(file).get('openstack'))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--dir', default=os.environ.get('TMPDIR', '/tmp'))
    parser.add_argument('--stack')
    parser.add_argument('--quick', action='store_true')
    options = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix='slipway-bench-upload.', dir=options.dir)
    try:
        found = rows(os.environ['SLIPWAY_PROGRAM'], scratch, options.stack, options.runs, [1] if options.quick else [2, 5],
                     lambda what: print(what, file=sys.stderr, flush=True))
        print(measure.table(found), end='')
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    main()
