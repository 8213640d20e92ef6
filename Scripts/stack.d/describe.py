"""What a finished stack says about itself: stack.json, env, clouds.yaml, slipway.yaml."""
import os
import shlex

import place
import processes


def describe(stack):
    at = lambda *names: os.path.join(stack.dir, *names)
    clusters = stack.clusters
    cloud = stack.cloud
    story = {
        'version': 1, 'dir': stack.dir, 'port': stack.settings['port'],
        'ceph': clusters[0].describe(), 'ceph2': clusters[1].describe() if len(clusters) > 1 else None,
        'openstack': bool(cloud), 'env': at('env'), 'slipway_yaml': at('slipway.yaml'),
        'clouds_yaml': at('clouds.yaml') if cloud else None,
    }
    story['libvirt'] = stack.libvirt.describe() if stack.libvirt else None
    if cloud:
        story.update(cloud.describe())
        place.write_json(at('clouds.yaml'), {'clouds': cloud.clouds()}, 0o600)      # JSON is YAML
    place.write(at('slipway.yaml'), slipway_yaml(stack))
    variables = {'SLIPWAY_STACK': stack.dir, 'SLIPWAY_CONFIG': at('slipway.yaml'), 'CEPH_CONF': clusters[0].client_conf}
    if stack.libvirt:
        variables['SLIPWAY_TEST_LIBVIRT_URI'] = stack.libvirt.uri
    if cloud:
        variables['OS_CLIENT_CONFIG_FILE'] = at('clouds.yaml')
    place.write(at('env'), ''.join(f'export {k}={shlex.quote(v)}\n' for k, v in variables.items()))
    story['processes'] = {d: {'pid': processes.pid_of(stack.dir, d)} for d in stack.daemons}
    place.write_json(stack.json_file, story, 0o600)


def slipway_yaml(stack):
    """A configuration of Slipway for this stack."""
    text = '# Slipway on this stack, written by Scripts/stack.\nclusters:\n'
    for cluster, name in zip(stack.clusters, ('main', 'second')):
        text += f'''\
  - name: {name}
    conf: {cluster.client_conf}
    fsid: {cluster.fsid}
    user: slipway
    image_user: slipway-image
    image_pools: [images]
    timeout: 10s
'''
    text += f'''\
disks:
  target: rbd
  cluster: main
  pool: vms
  path: {stack.dir}/disks
store:
  path: {stack.dir}/store
libvirt:
  uri: none
api:
  socket: {stack.dir}/run/slipway.sock
'''
    if stack.cloud:
        text += f'''\
images:
  cloud: slipway
allowed_direct_url_schemes: [rbd, file{', cinder' if stack.cloud.cinder else ''}]
file_roots: [{stack.dir}/glance/local]
'''
        if stack.cloud.cinder:
            text += f'''\
cinder:
  backends:
    "{stack.cloud.cinder.backend}": {{ cluster: main, pool: {stack.cloud.cinder.pool} }}
'''
    return text
