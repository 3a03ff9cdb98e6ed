variable "app_port" {
  type    = number
  default = 8080
}
resource "aws_lb_listener" "http" {
  port     = 80
  protocol = "HTTP"
}
resource "aws_lb_target_group" "app" {
  port                 = 8080
  deregistration_delay = 3000
  health_check {
    port     = "8081"
    interval = 30
    matcher  = "200-399"
  }
}
resource "aws_security_group" "app" {
  ingress {
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["10.0.0.0/16"]
  }
}
resource "aws_instance" "app" {
  ami        = "ami-0808080"
  private_ip = "10.0.1.15"
  user_data  = "curl http://10.0.1.16:9200/_cat"
}
# egress to 9300 later
