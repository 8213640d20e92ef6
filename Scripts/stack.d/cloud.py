"""Keystone, Glance twice over one database, and Barbican: real services, one process each."""
import base64
import concurrent.futures
import os
import re
import secrets
import shutil
import socket
import sqlite3

import place
import processes
import rest
import seed
import venv
from place import PORTS
from volumes import CinderConfiguration

# What a template of databases depends on.
SOURCES = ['schema.py', 'seed.py', 'cloud.py']


class Cloud:
    def __init__(self, stack):
        self.dir, self.clusters = stack.dir, stack.clusters
        self.base = stack.settings['port']
        self.cinder = CinderConfiguration(self) if stack.settings.get('cinder') else None
        self.seed_file = self.at('openstack.json')
        self._changed = set()

    def at(self, *names):
        return os.path.join(self.dir, *names)

    def url(self, service):
        return f'http://127.0.0.1:{self.base + PORTS[service]}' + ('/v3' if service in ('keystone', 'cinder') else '')

    @property
    def daemons(self):
        return ['keystone', 'barbican', 'glance', 'glance-hidden'] + (['cinder'] if self.cinder else [])

    @property
    def databases(self):
        return ['keystone', 'glance', 'barbican'] + (['cinder'] if self.cinder else [])

    @property
    def python(self):
        return venv.python(bool(self.cinder))

    @property
    def endpoints(self):
        found = {}
        for region, image in ((seed.REGION, 'glance'), (seed.HIDDEN, 'glance-hidden')):
            found['identity', 'keystone', region] = self.url('keystone')
            found['image', 'glance', region] = self.url(image)
            found['key-manager', 'barbican', region] = self.url('barbican')
            if self.cinder:
                found['block-storage', 'cinder', region] = self.url('cinder')
        return found

    # --- up

    def up(self, say, ceph_ready):
        venv.ensure(say, bool(self.cinder))
        if not self.load_template():
            self.make_databases(say)
        self.write_configuration()
        early = ['keystone', 'barbican']
        # It waits for new pools itself, and loads meanwhile; what it writes into its database is not for the template.
        if self.cinder and 'users' in place.read_json(self.seed_file) and not os.path.exists(self.clusters[0].made):
            early.append('cinder')
        for name in early:
            self.launch(name)
        self.wait('keystone')
        if 'users' not in place.read_json(self.seed_file):
            self.seed_users()
            self.wait('barbican')
            self.save_template()
            say('openstack: users, catalog')
        # Glance asks for the cluster's fsid when it starts
        ceph_ready()
        for name in self.daemons:
            if name not in early:
                self.launch(name)
        for name in self.daemons[1:]:
            self.wait(name)
        say('openstack: services')

    def launch(self, name):
        if name in self._changed and processes.pid_of(self.dir, name):
            processes.stop(self.dir, [name])
        service = name.partition('-')[0]
        processes.start(self.dir, name, [
            self.python, '-P', os.path.join(venv.HERE, 'serve.py'), service, str(self.base + PORTS[name]), self.at('etc', name)],
            env={**processes.environment(), 'HOME': self.at('home'), 'PYTHONWARNINGS': 'ignore'})

    def wait(self, name):
        def listening():
            with socket.socket() as s:
                return s.connect_ex(('127.0.0.1', self.base + PORTS[name])) == 0
        processes.wait_for(name, listening, self.dir, name, self.at('log', name + '.out'), seconds=120)
        # 300: a list of versions
        rest.request('GET', self.url(name).removesuffix('/v3') + '/', want=[200, 300])

    def start_daemon(self, name):
        self.launch(name)
        self.wait(name)

    # --- databases

    def make_databases(self, say):
        passwords = {user: f'pw-{user}-{secrets.token_hex(8)}' for user in ['admin', *seed.USERS]}
        place.write_json(self.seed_file, {
            'passwords': passwords, 'kek': base64.urlsafe_b64encode(os.urandom(32)).decode()}, 0o600)
        os.makedirs(self.at('lib', 'fernet'), 0o700, exist_ok=True)
        self.write_configuration()

        def make(service):
            processes.run([self.python, '-P', os.path.join(venv.HERE, 'schema.py'), service, self.at('etc', service),
                           self.seed_file, self.url('keystone')], self.at('log', service + '-schema.out'),
                          f'the database of {service}', env={**processes.environment(), 'HOME': self.at('home')})
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(make, self.databases))
        say('openstack: databases')

    def seed_users(self):
        known = place.read_json(self.seed_file)
        known.update(seed.seed(self.url('keystone'), self.endpoints, known['passwords']))
        place.write_json(self.seed_file, known, 0o600)

    @property
    def template(self):
        return os.path.join(place.cache_dir(), 'template-' + venv.digest(venv.requirements(bool(self.cinder)), *SOURCES))

    def save_template(self):
        """Keeps the databases for the next stack. Only the catalog knows ports, and it is corrected."""
        new = f'{self.template}.{os.getpid()}'
        os.makedirs(new, 0o700)
        for name in self.databases:
            source, copy = sqlite3.connect(self.at('lib', name + '.sqlite')), sqlite3.connect(f'{new}/{name}.sqlite')
            source.backup(copy)
            source.close()
            copy.close()
        shutil.copytree(self.at('lib', 'fernet'), new + '/fernet')
        shutil.copy(self.seed_file, new + '/openstack.json')
        try:
            os.rename(new, self.template)
        except OSError:                 # another stack was first
            shutil.rmtree(new)

    def load_template(self):
        """False if the databases have to be made; they may be there already."""
        if 'users' in (place.read_json(self.seed_file) or {}):
            return True
        shutil.rmtree(self.at('lib'), ignore_errors=True)
        if os.environ.get('SLIPWAY_STACK_NO_TEMPLATE') or not os.path.isdir(self.template):
            return False
        shutil.copytree(self.template, self.at('lib'))
        catalog = sqlite3.connect(self.at('lib', 'keystone.sqlite'))
        for (kind, _, region), url in self.endpoints.items():
            catalog.execute('update endpoint set url = ? where region_id = ? and service_id in '
                            '(select id from service where type = ?)', (url, region, kind))
        catalog.commit()
        catalog.close()
        os.rename(self.at('lib', 'openstack.json'), self.seed_file)
        return True

    # --- configuration

    def write_configuration(self):
        known = place.read_json(self.seed_file)
        for sub in ('glance/local', 'run/lock'):
            os.makedirs(self.at(sub), exist_ok=True)
        for name in self.daemons:
            os.makedirs(self.at('etc', name), exist_ok=True)
        self.configure('keystone', 'keystone.conf', self.keystone_conf())
        self.configure('barbican', 'barbican.conf', self.barbican_conf(known))
        for name in ('glance', 'glance-hidden'):
            for sub in ('staging', 'tasks'):
                os.makedirs(self.at(name, sub), exist_ok=True)
            self.configure(name, 'glance-api.conf', self.glance_conf(name, known))
        if self.cinder:
            self.configure('cinder', 'cinder.conf', self.cinder.text(known))
        for name in ('glance', 'glance-hidden', 'barbican'):
            service = name.partition('-')[0]
            with open(os.path.join(venv.path(bool(self.cinder)), 'etc', service, service + '-api-paste.ini')) as f:
                self.configure(name, service + '-api-paste.ini',
                               re.sub(f'/etc/{service}/', self.at('etc', name) + '/', f.read()))

    def configure(self, name, file, text):
        path = self.at('etc', name, file)
        try:
            with open(path) as f:
                if f.read() == text:
                    return
        except FileNotFoundError:
            pass
        place.write(path, text, 0o600)
        self._changed.add(name)

    def user(self, section, user, known):
        return f'''\
[{section}]
auth_url = {self.url('keystone')}
auth_type = password
username = {user}
password = {known['passwords'][user]}
user_domain_name = Default
project_name = service
project_domain_name = Default
interface = internal
'''

    def authtoken(self, user, known):
        return self.user('keystone_authtoken', user, known) + f'''\
www_authenticate_uri = {self.url('keystone')}
service_token_roles = service
service_token_roles_required = true
'''

    def keystone_conf(self):
        # bcrypt with fewer rounds: a token in 40 ms instead of 200
        return f'''\
[DEFAULT]
log_file = {self.at('log/keystone.log')}
use_stderr = false
public_endpoint = {self.url('keystone').removesuffix('/v3')}
[database]
connection = sqlite:///{self.at('lib/keystone.sqlite')}
[fernet_tokens]
key_repository = {self.at('lib/fernet')}
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = dogpile.cache.memory
[oslo_middleware]
enable_proxy_headers_parsing = false
'''

    def barbican_conf(self, known):
        return f'''\
[DEFAULT]
log_file = {self.at('log/barbican.log')}
use_stderr = false
host_href = {self.url('barbican')}
[database]
connection = sqlite:///{self.at('lib/barbican.sqlite')}
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = {known['kek']}
[queue]
enable = false
''' + self.authtoken('barbican', known)

    def glance_conf(self, name, known):
        shown = 'true' if name == 'glance' else 'false'
        backends = ', '.join([f'{c.name}:rbd' for c in self.clusters] + ['local:file', 'web:http'])
        # loopback and odd ports are refused as sources of imports unless named; the brackets are needed
        text = f'''\
[DEFAULT]
log_file = {self.at('log', name + '.log')}
use_stderr = false
enabled_backends = {backends}
show_image_direct_url = {shown}
show_multiple_locations = {shown}
enabled_import_methods = [glance-direct,web-download,copy-image]
worker_self_reference_url = {self.url(name)}
public_endpoint = {self.url(name)}
[database]
connection = sqlite:///{self.at('lib/glance.sqlite')}
[glance_store]
default_backend = ceph
[local]
store_description = a directory
filesystem_store_datadir = {self.at('glance/local')}
[web]
store_description = read-only HTTP
[os_glance_staging_store]
filesystem_store_datadir = {self.at(name, 'staging')}
[os_glance_tasks_store]
filesystem_store_datadir = {self.at(name, 'tasks')}
[oslo_concurrency]
lock_path = {self.at('run/lock')}
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = []
[paste_deploy]
flavor = keystone
config_file = {self.at('etc', name, 'glance-api-paste.ini')}
[key_manager]
backend = barbican
[barbican]
auth_endpoint = {self.url('keystone')}
barbican_endpoint = {self.url('barbican')}
'''
        for cluster in self.clusters:
            text += f'''\
[{cluster.name}]
store_description = pool images of {cluster.name}
rbd_store_ceph_conf = {cluster.client_conf}
rbd_store_user = glance
rbd_store_pool = images
rbd_store_chunk_size = 8
rbd_thin_provisioning = true
rados_connect_timeout = 5
'''
        return text + self.authtoken('glance', known)

    # --- for those who use it

    def describe(self):
        known = place.read_json(self.seed_file)
        del known['kek']
        return {
            **{s.replace('-', '_'): self.url(s) for s in self.daemons},
            'region': seed.REGION, 'region_hidden': seed.HIDDEN,
            'stores': {**{c.name: {'type': 'rbd', 'fsid': c.fsid, 'pool': 'images'} for c in self.clusters},
                       'local': {'type': 'file', 'path': self.at('glance/local')}, 'web': {'type': 'http'}},
            **known,
        }

    def clouds(self):
        known = place.read_json(self.seed_file)

        def user(name, project, region=seed.REGION):
            return {'region_name': region, 'auth': {
                'auth_url': self.url('keystone'), 'username': name, 'password': known['passwords'][name],
                'project_name': project, 'user_domain_name': 'Default', 'project_domain_name': 'Default'}}

        def credential(name, region=seed.REGION):
            c = known['app_credentials'][name]
            return {'auth_type': 'v3applicationcredential', 'region_name': region, 'auth': {
                'auth_url': self.url('keystone'), 'application_credential_id': c['id'],
                'application_credential_secret': c['secret']}}
        return {
            'admin': user('admin', 'admin'), 'demo': user('demo', 'demo'), 'other': user('other', 'other'),
            'nova': user('nova', 'service'),
            'slipway': credential('slipway'), 'slipway-password': user('agent', 'service'),
            'slipway-reader': credential('slipway-reader'), 'slipway-hidden': credential('slipway', seed.HIDDEN),
        }
