"""Holds what is there against what is promised; the judges are qemu-img, rbd and rados."""
import json
import os
import time

from bed import Broken


def same_guest(bed, path, format, image):
    """Whether a guest reads the image's bytes there, and zeros beyond them."""
    try:
        bed.tool('qemu-img', 'compare', '-f', format, '-F', 'raw', path, image.raw)
        return True
    except Broken:
        return False


def bases(host, seen, where):
    """Every base that is visible has the guest's bytes of the image whose base it is. `seen` remembers what was read already."""
    bed = host.bed
    listed = host.run('cache', 'list')
    if listed.status != 0:
        return
    known = {image.id: image for image in bed.images}
    documents = {base['path']: base for base in listed.document.get('bases', [])}
    for name in host.names('bases'):
        path = os.path.join(host.store, 'bases', name)
        try:
            stat = os.stat(path)
        except FileNotFoundError:
            continue
        key = (path, stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if key in seen:
            continue
        ids = (documents.get(path) or {}).get('images') or []
        images = [known[i] for i in ids if i in known]
        if not images:
            continue                # made since the list was; the next look sees it
        format = name.rpartition('.')[2]
        if all(same_guest(bed, path, format, image) for image in images):
            seen.add(key)
            bed.report.count('bases compared')
        elif os.path.exists(path):
            bed.report.breach(f'{where}: base {name} has not the bytes of {[image.name for image in images]}')


def disk(host, name, image, where):
    """A disk that is ready has its image's bytes, and its parent or base is there."""
    bed = host.bed
    shown = host.run('disk', 'show', name)
    if shown.status == 3:
        return False
    if shown.status != 0 or shown.document.get('state') != 'ready':
        return False
    place = shown.document['path']
    if shown.document['target'] == 'rbd':
        copy = os.path.join(host.place, f'export-{name}')
        try:
            bed.rbd('export', '--no-progress', place, copy)
            fine = same_guest(bed, copy, 'raw', image)
        finally:
            if os.path.exists(copy):
                os.unlink(copy)
    else:
        fine = same_guest(bed, place, shown.document['target'], image)
    bed.report.count('disks compared')
    bed.report.hold(fine, f'{where}: disk {name} has not the bytes of {image.name}')
    return True


def at_rest(host, where):
    """With nothing under way: nothing half-made, no lease, no claim; every base verifies."""
    bed = host.bed
    # The next request sweeps.
    host.must('cache', 'list')
    host.must('cache', 'clean')
    report = bed.report
    report.hold(not host.names('tmp'), f'{where}: left in tmp: {host.names("tmp")}')
    report.hold(not host.names('leases'), f'{where}: left in leases: {host.names("leases")}')
    verified = host.must('cache', 'verify')
    for base in verified.document.get('bases', []):
        report.hold(base['verdict'] == 'sound', f'{where}: {base["name"]} is {base["verdict"]}: {base.get("detail")}')
    report.hold(not host.names('quarantine'), f'{where}: in quarantine: {host.names("quarantine")}')


def pool_at_rest(host, pool, names, where, seconds=180):
    """With nothing under way: the trash empties, no claim and no image of those names is left."""
    bed = host.bed
    end = time.monotonic() + seconds
    while True:
        host.must('cache', 'clean')
        trash = bed.rbd('trash', 'ls', pool).split('\n')
        trash = [line for line in trash if any(line.endswith(' ' + name) for name in names)]
        if not trash or time.monotonic() > end:
            break
        time.sleep(3)
    report = bed.report
    report.hold(not trash, f'{where}: in the trash of {pool} after {seconds} s: {trash}')
    images = set(bed.rbd('ls', pool).split()) & set(names)
    report.hold(not images, f'{where}: images left in {pool}: {sorted(images)}')
    objects = {f'slipway.disk.{name}' for name in names} & set(bed.rados('-p', pool, 'ls').split())
    report.hold(not objects, f'{where}: claims left in {pool}: {sorted(objects)}')


def children(bed, image):
    """The clones of an image of the first cluster's pool of images."""
    return json.loads(bed.rbd('children', '--format', 'json', f'images/{image.id}@snap'))
