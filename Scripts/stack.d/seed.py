"""Who and what is in Keystone: projects, users, roles, the catalog, application credentials."""
import rest

REGION, HIDDEN = 'RegionOne', 'RegionHidden'
PROJECTS = ['service', 'demo', 'other']
ROLES = ['member', 'reader', 'service', 'admin', 'creator']
TENANT = ['member', 'reader', 'creator']        # creator: keeps secrets in Barbican
# user: (project, roles)
USERS = {
    'demo': ('demo', TENANT), 'other': ('other', TENANT),
    'agent': ('service', ['admin', 'service', 'reader']),
    'nova': ('service', ['admin', 'service']),
    'glance': ('service', ['admin', 'service']), 'barbican': ('service', ['admin', 'service']),
    'cinder': ('service', ['admin', 'service']),
}
# application credentials of `agent`; the reader sees locations, and no private image
CREDENTIALS = {'slipway': USERS['agent'][1], 'slipway-reader': ['service', 'reader']}


def seed(keystone, endpoints, passwords):
    """Returns the ids; `endpoints` is {(type, name, region): url}."""
    admin = rest.token(keystone, 'admin', passwords['admin'], 'admin')

    def ask(method, path, body=None, token=admin):
        return rest.request(method, keystone + path, token, body)[1]

    def ensure(kind, match, **more):
        query = '&'.join(f'{k}={v}' for k, v in match.items())
        for x in ask('GET', f'/{kind}s?{query}')[kind + 's']:
            if all(x.get(k) == v for k, v in match.items()):
                return x['id']
        return ask('POST', f'/{kind}s', {kind: {**match, **more}})[kind]['id']

    if HIDDEN not in [r['id'] for r in ask('GET', '/regions')['regions']]:
        ask('POST', '/regions', {'region': {'id': HIDDEN}})
    for (kind, name, region), url in endpoints.items():
        service = ensure('service', {'type': kind, 'name': name})
        for interface in ('public', 'internal'):
            ensure('endpoint', {'service_id': service, 'interface': interface, 'region_id': region}, url=url)
    projects = {p: ensure('project', {'name': p}, domain_id='default') for p in PROJECTS}
    roles = {r: ensure('role', {'name': r}) for r in ROLES}
    users = {}
    for user, (project, granted) in USERS.items():
        users[user] = ensure('user', {'name': user}, domain_id='default', password=passwords[user])
        for role in granted:
            ask('PUT', f'/projects/{projects[project]}/users/{users[user]}/roles/{roles[role]}')
    own = rest.token(keystone, 'agent', passwords['agent'], 'service')
    path = f'/users/{users["agent"]}/application_credentials'
    for old in ask('GET', path, token=own)['application_credentials']:      # of a seeding that was cut short
        ask('DELETE', f'{path}/{old["id"]}', token=own)
    credentials = {}
    for name, granted in CREDENTIALS.items():
        made = ask('POST', path, {'application_credential': {'name': name, 'roles': [{'name': r} for r in granted]}},
                   token=own)['application_credential']
        credentials[name] = {'id': made['id'], 'secret': made['secret'], 'roles': granted}
    me = rest.request('GET', keystone + '/users?name=admin', admin)[1]['users'][0]['id']
    users['admin'] = me
    return {'projects': projects, 'users': users, 'roles': roles, 'app_credentials': credentials}
