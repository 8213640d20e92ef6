"""Images for tests: uploads, and the states that an agent has to tell apart. Some of them a healthy Glance
leaves within milliseconds or never reaches; those are made in its database."""
import os
import sqlite3
import time

import place
import rest
from place import StackError, Usage

OWN_TYPES = {'min_disk': int, 'min_ram': int, 'protected': lambda v: v == 'true', 'os_hidden': lambda v: v == 'true'}
PROJECTS = {'admin': 'admin', 'demo': 'demo', 'other': 'other', 'agent': 'service', 'nova': 'service'}


class Images:
    def __init__(self, stack, user):
        self.stack = stack
        self.story = place.read_json(stack.json_file)
        if not self.story or not self.story['openstack']:
            raise Usage(f'{stack.dir}: no stack with OpenStack')
        if user not in PROJECTS:
            raise Usage(f"no user '{user}': " + ', '.join(PROJECTS))
        self.glance = self.story['glance'] + '/v2'
        self.token = self.token_of(user)

    def token_of(self, user):
        return rest.token(self.story['keystone'], user, self.story['passwords'][user], PROJECTS[user])

    def ask(self, method, path, body=None, token=None, **more):
        return rest.request(method, self.glance + path, token or self.token, body, **more)[1]

    def show(self, image):
        return self.ask('GET', f'/images/{image}')

    # --- making

    def create(self, name, disk_format, container_format, visibility, properties, image=None):
        """A queued image: it has a record and no data."""
        body = {'name': name, 'disk_format': disk_format, 'container_format': container_format}
        if image:
            body['id'] = image
        for word in properties:
            key, equals, value = word.partition('=')
            if not equals:
                raise Usage(f"'{word}' is no KEY=VALUE")
            body[key] = OWN_TYPES.get(key, str)(value)
        made = self.ask('POST', '/images', body)['id']
        # a tenant may not publish, by Glance's default policy
        if visibility != 'shared':
            admin = self.token_of('admin') if visibility == 'public' else None
            self.patch(made, [{'op': 'replace', 'path': '/visibility', 'value': visibility}], token=admin)
        return made

    def patch(self, image, changes, token=None):
        return self.ask('PATCH', f'/images/{image}', changes, token,
                        headers={'Content-Type': 'application/openstack-images-v2.1-json-patch'})

    def upload(self, image, file, stores):
        """Data into the first store, and copies of it into the others."""
        try:
            with open(file, 'rb') as data:
                self.ask('PUT', f'/images/{image}/file', file=data,
                         headers={'X-Image-Meta-Store': stores[0]})
        except OSError as error:
            raise Usage(f'{file}: {error.strerror}') from None
        if stores[1:]:
            self.ask('POST', f'/images/{image}/import',
                     {'method': {'name': 'copy-image'}, 'stores': stores[1:]}, token=self.token_of('admin'))
            self.wait(image, lambda i: set(stores) <= set(i.get('stores', '').split(',')) and
                      'os_glance_import_task' not in i, 'copied to ' + ', '.join(stores[1:]))
        return self.show(image)

    def wait(self, image, done, what, seconds=120):
        deadline = time.monotonic() + seconds
        while True:
            found = self.show(image)
            if done(found):
                return found
            if found.get('os_glance_failed_import') or time.monotonic() > deadline:
                raise StackError(f'image {image} was not {what}', os.path.join(self.stack.dir, 'log', 'glance.log'))
            time.sleep(0.05)

    # --- states

    def register(self, image, url):
        """A location given to a queued image, as a service does it; Glance hashes it in the background, where
        it can."""
        self.ask('POST', f'/images/{image}/locations', {'url': url, 'validation_data': {}}, token=self.token_of('nova'))
        return self.wait(image, lambda i: i['status'] == 'active', 'active')

    def execute(self, statement, *values):
        connection = sqlite3.connect(os.path.join(self.stack.dir, 'lib', 'glance.sqlite'), timeout=30)
        with connection:
            count = connection.execute(statement, values).rowcount
        connection.close()
        return count

    def update(self, image, **columns):
        """Writes columns of an image past Glance."""
        changes = ', '.join(f'{c} = ?' for c in columns)
        if self.execute(f'update images set {changes} where id = ?', *columns.values(), image) != 1:
            raise StackError(f'no image {image}')
        return self.show(image)


def image(stack, o):
    """The verb `image`: a new image, with its data."""
    images = Images(stack, o.user or 'demo')
    stores = o.store.split(',')
    unknown = [s for s in stores if s not in images.story['stores']]
    if unknown:
        raise Usage(f"no store '{unknown[0]}': " + ', '.join(images.story['stores']))
    if not os.path.isfile(o.file):
        raise Usage(f'{o.file}: no such file')
    made = images.create(o.name, o.disk_format, o.container_format, o.visibility, o.property, o.id)
    return images.upload(made, o.file, stores)


def glance(stack, o):
    """The verb `glance`: what becomes of an image."""
    verbs = {
        'show': (0, show), 'list': (0, None), 'queue': (0, None), 'upload': (1, upload), 'deactivate': (0, act),
        'reactivate': (0, act), 'delete': (0, delete), 'set': (None, set_properties), 'unset': (None, unset),
        'tag': (1, tag),
        'fake-location': (1, fake_location), 'drop-locations': (0, drop_locations), 'share': (1, share), 'register': (1, register), 'add-location': (1, add_location),
        'null-hash': (0, null_hash), 'md5-only': (0, md5_only), 'no-digest': (0, no_digest), 'corrupt-hash': (0, corrupt_hash),
        'status': (1, set_status), 'size': (1, set_size),
    }
    count, run = verbs[o.what]
    images = Images(stack, o.user or ('demo' if o.what == 'queue' else 'admin'))
    if o.what == 'queue':
        return images.show(images.create(o.name, o.disk_format, o.container_format, o.visibility, o.property, o.id))
    if o.what == 'list':
        return images.ask('GET', '/images?limit=1000')['images']
    if not o.words:
        raise Usage(f'glance {o.what}: which image?')
    if count is not None and len(o.words) != count + 1:
        raise Usage(f'glance {o.what} ID takes {count} more word{"s" * (count != 1)}')
    return run(images, o.words[0], o.words[1:], o)


GLANCE_VERBS = {
    'show': 'ID', 'list': '', 'queue': '--name N --disk-format F: a record without data', 'upload': 'ID FILE',
    'deactivate': 'ID', 'reactivate': 'ID', 'delete': 'ID', 'set': 'ID KEY=VALUE…', 'unset': 'ID KEY…', 'tag': 'ID TAG',
    'share': 'ID USER: its project becomes an accepted member', 'register': 'ID URL: a location for a queued image',
    'add-location': 'ID URL: one more location, which Glance can read',
    'fake-location': 'ID URL: one more location, in the database, whatever it is',
    'drop-locations': 'ID: none left, in the database',
    'null-hash': 'ID: os_hash_value is pending', 'md5-only': 'ID: a checksum and no os_hash',
    'no-digest': 'ID: no os_hash_algo, os_hash_value, checksum', 'corrupt-hash': 'ID: other digests than the data\'s',
    'status': 'ID STATUS: in the database', 'size': 'ID BYTES: in the database',
}


def show(images, image, words, o):
    return images.show(image)


def upload(images, image, words, o):
    return images.upload(image, words[0], ['ceph'])


def act(images, image, words, o):
    images.ask('POST', f'/images/{image}/actions/{o.what}')
    return images.ask('GET', f'/images/{image}')


def delete(images, image, words, o):
    images.ask('DELETE', f'/images/{image}')
    return {'id': image, 'status': 'deleted'}


def set_properties(images, image, words, o):
    changes = []
    for word in words:
        key, equals, value = word.partition('=')
        if not equals:
            raise Usage(f"'{word}' is no KEY=VALUE")
        changes.append({'op': 'add', 'path': '/' + key, 'value': OWN_TYPES.get(key, str)(value)})
    return images.patch(image, changes)


def unset(images, image, words, o):
    return images.patch(image, [{'op': 'remove', 'path': '/' + k} for k in words])


def tag(images, image, words, o):
    images.ask('PUT', f'/images/{image}/tags/{words[0]}')
    return images.show(image)


def share(images, image, words, o):
    member = images.story['projects'].get(PROJECTS.get(words[0]))
    if not member:
        raise Usage(f"no user '{words[0]}' to share with")
    images.patch(image, [{'op': 'replace', 'path': '/visibility', 'value': 'shared'}])
    images.ask('POST', f'/images/{image}/members', {'member': member})
    images.ask('PUT', f'/images/{image}/members/{member}', {'status': 'accepted'}, token=images.token_of(words[0]))
    return images.show(image)


def register(images, image, words, o):
    return images.register(image, words[0])


def add_location(images, image, words, o):
    return images.patch(image, [{'op': 'add', 'path': '/locations/-', 'value': {'url': words[0], 'metadata': {}}}],
                        token=images.token_of('admin'))


def fake_location(images, image, words, o):
    images.show(image)
    images.execute("insert into image_locations (image_id, value, meta_data, status, created_at, updated_at, deleted) "
                   "values (?, ?, '{}', 'active', datetime(), datetime(), 0)", image, words[0])
    return images.show(image)


def drop_locations(images, image, words, o):
    images.execute("update image_locations set deleted = 1, status = 'deleted' where image_id = ?", image)
    return images.show(image)


def null_hash(images, image, words, o):
    return images.update(image, os_hash_value=None, checksum=None)


def md5_only(images, image, words, o):
    return images.update(image, os_hash_algo=None, os_hash_value=None)


def no_digest(images, image, words, o):
    return images.update(image, os_hash_algo=None, os_hash_value=None, checksum=None)


def corrupt_hash(images, image, words, o):
    found = images.show(image)
    other = lambda text: text and text[:-1] + ('0' if text[-1] != '0' else '1')
    return images.update(image, os_hash_value=other(found['os_hash_value']), checksum=other(found['checksum']))


def set_status(images, image, words, o):
    return images.update(image, status=words[0])


def set_size(images, image, words, o):
    return images.update(image, size=int(words[0]))
