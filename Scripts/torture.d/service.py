"""An image service behind a proxy that fails in every way a network and a server can."""
import http.client
import http.server
import json
import threading
import time
from urllib.parse import urlsplit

import judge
from bed import say

FAULTS = ['refuse', 'unauthorized', 'error', 'later', 'cut', 'stall', 'short', 'long', 'lie', 'elsewhere', 'rubbish']


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on, or fails them by chance."""
    daemon_threads = True

    def __init__(self, bed, target):
        super().__init__(('127.0.0.1', 0), Handler)
        self.bed, self.target = bed, urlsplit(target)
        self.random, self.lock = bed.draw(), threading.Lock()
        self.chance = 0.0
        self.token = None

    def fault(self):
        with self.lock:
            return self.random.choice(FAULTS) if self.random.random() < self.chance else None

    def handle_error(self, request, address):
        pass                        # a client that went away is what this is for


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def answer(self):
        proxy = self.server
        fault = proxy.fault()
        if fault:
            proxy.bed.report.count(f'service: {fault}')
        if fault == 'refuse':
            self.close_connection = True
            return
        if fault == 'unauthorized':
            return self.plain(401)
        if fault == 'error':
            return self.plain(500)
        if fault == 'later':
            return self.plain(503, [('Retry-After', '1')])
        if fault == 'elsewhere':
            return self.plain(302, [('Location', 'http://127.0.0.1:9/elsewhere')])
        if fault == 'rubbish':
            self.wfile.write(b'\0\1rubbish\r\n\r\n')
            self.close_connection = True
            return
        there = http.client.HTTPConnection(proxy.target.hostname, proxy.target.port, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ('host', 'connection', 'x-auth-token')}
        headers['X-Auth-Token'] = proxy.token
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0)) or None
        there.request(self.command, self.path, body, headers)
        got = there.getresponse()
        data = got.read()
        there.close()
        if fault == 'lie' and data:
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1:]
        claimed = len(data) + {'short': 1000, 'long': -min(1000, len(data))}.get(fault, 0)
        self.send_response(got.status)
        for key, value in got.getheaders():
            if key.lower() not in ('content-length', 'transfer-encoding', 'connection'):
                self.send_header(key, value)
        self.send_header('Content-Length', str(claimed))
        self.end_headers()
        if self.command == 'HEAD':
            return
        half = len(data) // 2
        if fault == 'cut':
            self.wfile.write(data[:half])
            self.close_connection = True
        elif fault == 'stall':
            self.wfile.write(data[:half])
            self.wfile.flush()
            time.sleep(5)
            self.wfile.write(data[half:])
        else:
            self.wfile.write(data)
            self.close_connection = fault in ('short', 'long')

    do_GET = do_HEAD = answer

    def plain(self, status, headers=()):
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header('Content-Length', '0')
        self.end_headers()


def token(bed):
    """One of the agent's own user, which the proxy adds, so that the host needs no identity service."""
    connection = http.client.HTTPConnection(urlsplit(bed.story['keystone']).netloc, timeout=30)
    domain = {'id': 'default'}
    connection.request('POST', '/v3/auth/tokens', json.dumps({'auth': {
        'identity': {'methods': ['password'], 'password': {'user': {'name': 'agent', 'domain': domain, 'password': bed.story['passwords']['agent']}}},
        'scope': {'project': {'name': 'service', 'domain': domain}}}}), {'Content-Type': 'application/json'})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.headers['X-Subject-Token']


def run(bed):
    say('service: an image service that refuses, stalls, cuts, lies and sends elsewhere')
    proxy = Proxy(bed, bed.story['glance'])
    proxy.token = token(bed)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    # Without direct routes, so that every byte comes through it.
    host = bed.host('service', images=f'{{ endpoint: "http://127.0.0.1:{proxy.server_port}" }}', direct=False)
    seen = set()
    try:
        for round in range(30):
            image = bed.images[round % len(bed.images)]
            format = ('qcow2', 'raw')[round // 4 % 2]
            proxy.chance = 0.0
            host.must('cache', 'purge', image.id, but=('base_not_found',))
            proxy.chance = 0.4
            ending = host.run('fetch', image.id, '--format', format)
            if ending.status == 0:
                bed.report.hold(judge.same_guest(bed, ending.document['path'], format, image), f'a failing service: {ending}')
            else:
                bed.report.hold(ending.status in (3, 4, 5), f'a failing service: {ending}')
            judge.bases(host, seen, 'a failing service')
            bed.report.count('fetches from a failing service')
        proxy.chance = 0.0
        for image in bed.images:
            host.must('fetch', image.id)
        judge.bases(host, seen, 'after a failing service')
        judge.at_rest(host, 'after a failing service')
    finally:
        proxy.shutdown()
        proxy.server_close()
