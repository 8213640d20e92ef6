"""Cinder's API, scheduler and volume service as threads of one process, which speak through memory."""
import configparser
import os
import shlex
import sys
import time


def application(conf):
    os.environ['OS_CINDER_DISABLE_EVENTLET_PATCHING'] = 'true'
    from cinder import monkey_patch
    monkey_patch.patch()
    import os_brick
    from cinder import i18n, objects, service, utils
    from cinder.cmd import volume
    from cinder.common import constants
    from cinder.wsgi import wsgi
    from oslo_config import cfg
    from oslo_privsep import priv_context
    i18n.enable_lazy()
    objects.register_all()
    sys.argv = ['cinder', '--config-file', conf]
    app = wsgi.initialize_application()         # reads the configuration, too
    os_brick.setup(cfg.CONF)
    priv_context.init(root_helper=shlex.split(utils.get_root_helper()))
    wait_for_pools(conf)
    for backend in cfg.CONF.enabled_backends:
        cfg.CONF.register_opt(volume.host_opt, group=backend)
        service.Service.create(host=f'{cfg.CONF.host}@{backend}', service_name=backend,
                               binary=constants.VOLUME_BINARY, coordination=True).start()
    # Last: it asks the volume service what it can do, and waits a minute for an answer.
    service.Service.create(binary='cinder-scheduler').start()
    return app


def wait_for_pools(conf):
    """A driver that finds no pool stays out of work; loading takes the time that pools take."""
    settings = configparser.ConfigParser(strict=False, interpolation=None)
    settings.read(conf)
    made = settings['slipway_stack']['pools_made']
    for _ in range(1200):
        if os.path.exists(made):
            return
        time.sleep(0.05)
    sys.exit(f'{made} did not appear: the cluster has no pools')
