"""schema.py SERVICE CONFIG_DIRECTORY SECRETS_FILE URL: makes a service's database; for Keystone also its
token keys and the administrator."""
import getpass
import grp
import json
import os
import sys
import warnings

warnings.simplefilter('ignore')
service, config, secrets, url = sys.argv[1:5]

if service == 'keystone':
    import keystone.conf
    from keystone.cmd import cli
    with open(secrets) as f:
        password = json.load(f)['passwords']['admin']
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    for words in (['db_sync'],
                  ['fernet_setup', '--keystone-user', user, '--keystone-group', group],
                  ['bootstrap', '--bootstrap-password', password, '--bootstrap-region-id', 'RegionOne',
                   '--bootstrap-public-url', url, '--bootstrap-internal-url', url, '--bootstrap-admin-url', url]):
        keystone.conf.CONF.clear()      # it parses its arguments once, otherwise
        sys.argv = ['keystone-manage', '--config-file', f'{config}/keystone.conf', *words]
        cli.main(argv=sys.argv, developer_config_file=None)
elif service == 'glance':
    from glance.cmd import manage
    sys.argv = ['glance-manage', '--config-file', f'{config}/glance-api.conf', 'db', 'sync']
    sys.exit(manage.main())
elif service == 'cinder':
    os.environ['OS_CINDER_DISABLE_EVENTLET_PATCHING'] = 'true'
    from cinder.cmd import manage
    sys.argv = ['cinder-manage', '--config-file', f'{config}/cinder.conf', 'db', 'sync']
    sys.exit(manage.main())
else:
    os.environ['SNAP'] = os.path.dirname(os.path.dirname(config))
    from barbican.cmd import db_manage
    sys.argv = ['barbican-db-manage', 'upgrade']
    db_manage.main()
