resource "google_cloud_run_service" "api" {
  template {
    spec {
      container_concurrency = 80
      timeout_seconds       = 3000
      containers {
        image = "gcr.io/acme/api:8080"
        ports {
          container_port = 8090
        }
        env {
          name  = "UPSTREAM"
          value = "http://10.8.0.5:9000"
        }
        env {
          name  = "PORT"
          value = "8090"
        }
        resources { limits = { memory = "2048Mi" } }
      }
    }
  }
}
resource "google_compute_firewall" "fw" {
  allow {
    protocol = "tcp"
    ports    = ["22", "8000-8100"]
  }
  source_ranges = ["203.0.113.0/24"]
  priority      = 1000
}
variable "instances" { default = 3000 }
variable "ssh_port" {
  description = "22 or 2222"
  default     = 2222
}
