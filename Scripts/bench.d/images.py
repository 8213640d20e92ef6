"""The two images that everything is measured on: seeded, sparse, made once per run."""
import os
import random

MIB = 1 << 20
RUN = 4 * MIB


class Image:
    """`size` bytes with `runs` runs of 4 MiB of random data at random multiples of 4 MiB."""

    def __init__(self, name, size, runs, seed):
        self.name, self.size, self.runs, self.seed = name, size, runs, seed
        self.path = None

    def make(self, directory):
        """Writes the image as a sparse file; few bytes at once, so that this process stays small."""
        self.path = os.path.join(directory, self.name + '.raw')
        generator = random.Random(self.seed)
        places = sorted(generator.sample(range(self.size // RUN), self.runs))
        with open(self.path, 'wb', buffering=0) as file:
            file.truncate(self.size)
            for place in places:
                for part in range(0, RUN, MIB):
                    os.pwrite(file.fileno(), generator.randbytes(MIB), place * RUN + part)


def images(quick):
    gib = 1 << 30
    if quick:
        return Image('bench-dense-1g', gib, 77, 1), Image('bench-sparse-8g', 8 * gib, 32, 2)
    return Image('bench-dense-4g', 4 * gib, 307, 1), Image('bench-sparse-64g', 64 * gib, 256, 2)
