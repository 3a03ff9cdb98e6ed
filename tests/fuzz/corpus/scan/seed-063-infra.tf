*terraform {
  required_version = ">= 1.5.0"
  required_providers { aws = { source = "hashicorp/aws", version = "~> 5.31.0" } }
}
locals {
  db_port = 5432
  ttl     = 3600
}
resource "docker_container" "web" {
  image = "nginx:1.25"
  ports {
    internal = 80
    external = 8097
  }
  env = ["PORT=80", "WORKERS=2000"]
}
resource "aws_ecs_task_definition" "t" {
  cpu    = 1024
  memory = 2048
  container_definitions = jsonencode([{
    name = "app"
    portMappings = [{ containerPort = 3000, hostPort = 3000 }]
    environment = [{ name = "PORT", value = "3000" }]
  }])
}
resource "aws_security_group_rule" "in" {
  from_port   = 8000
  to_port     = 8100
  cidr_blocks = ["203.0.113.0/24"]
}
resource "aws_db_instance" "db" {
  allocated_storage       = 20480
  port                    = 5433
  backup_retention_period = 3000
}
output "url" { value = "http://${aws_instance.a.public_ip}:8080/" }
variable "cidr" { default = "10.0.0.0/16" }
variable "peer_ip" { default = "192.0.2.44" }
