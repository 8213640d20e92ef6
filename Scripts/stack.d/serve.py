"""serve.py SERVICE PORT CONFIG_DIRECTORY: one OpenStack API in this process, on 127.0.0.1, under cheroot
(threads; bodies are streamed both ways)."""
import os
import signal
import sys
import traceback
import warnings


def application(service, config):
    if service == 'keystone':
        os.environ['OS_KEYSTONE_CONFIG_DIR'] = config
        from keystone.wsgi.api import application as app
        return app
    if service == 'glance':
        os.environ['OS_GLANCE_CONFIG_DIR'] = config
        from glance.wsgi.api import application as app
        return app
    if service == 'cinder':
        sys.path.append(os.path.dirname(os.path.abspath(__file__)))     # left out by -P, lest names here hide libraries
        from cinderd import application as app
        return app(config + '/cinder.conf')
    # Barbican's own entry reads its pipeline from /etc alone, and its configuration is found through SNAP.
    os.environ['SNAP'] = os.path.dirname(os.path.dirname(config))
    from paste.deploy import loadapp
    import barbican.api.app  # noqa: F401
    return loadapp(f'config:{config}/barbican-api-paste.ini')


def main():
    warnings.simplefilter('ignore')
    service, port, config = sys.argv[1:4]
    sys.argv = sys.argv[:1]             # oslo.config would read the rest
    app = application(service, config)
    from cheroot import wsgi
    server = wsgi.Server(('127.0.0.1', int(port)), app, numthreads=12, request_queue_size=128, timeout=60)
    # A tidy stop waits for idle connections; nothing here is worth waiting for.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    server.start()


try:
    main()
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
os._exit(1)     # threads of a half-started service would hold the process for ever
