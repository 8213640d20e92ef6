"""What Cinder is told: one process without a message broker, volumes in the first cluster's pool `volumes`."""
import os

import venv

HOST, BACKEND = 'stack', 'ceph'


class CinderConfiguration:
    pool = 'volumes'
    backend = f'{HOST}@{BACKEND}#{BACKEND}'       # as volumes tell it

    def __init__(self, cloud):
        self.cloud = cloud

    def text(self, known):
        cloud, cluster = self.cloud, self.cloud.clusters[0]
        site = os.path.join(venv.path(True), 'etc', 'cinder')
        for sub in ('cinder/conversion', 'cinder/coordination'):
            os.makedirs(cloud.at(sub), exist_ok=True)
        user = cloud.user('service_user', 'cinder', known)
        # one process holds scheduler and volume service, and only the last one made would send heartbeats
        return f'''\
[DEFAULT]
log_file = {cloud.at('log/cinder.log')}
use_stderr = false
state_path = {cloud.at('cinder')}
transport_url = fake:/
auth_strategy = keystone
api_paste_config = {site}/api-paste.ini
resource_query_filters_file = {site}/resource_filters.json
rootwrap_config = {site}/rootwrap.conf
enabled_backends = {BACKEND}
glance_api_servers = {cloud.url('glance')}
image_conversion_dir = {cloud.at('cinder/conversion')}
host = {HOST}
periodic_fuzzy_delay = 0
service_down_time = 31536000
[database]
connection = sqlite:///{cloud.at('lib/cinder.sqlite')}
[{BACKEND}]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
volume_backend_name = {BACKEND}
rbd_pool = {self.pool}
rbd_ceph_conf = {cluster.client_conf}
rbd_user = cinder
rados_connect_timeout = 5
[coordination]
backend_url = file://{cloud.at('cinder/coordination')}
[oslo_concurrency]
lock_path = {cloud.at('run/lock')}
[slipway_stack]
pools_made = {cluster.made}
''' + cloud.authtoken('cinder', known) + user + 'send_service_user_token = true\n' + cloud.user('glance', 'cinder', known)
