*app_port = 8443
desired_count = 4000
zone_id = "Z3000"
bastion_ip = "192.0.2.45"
