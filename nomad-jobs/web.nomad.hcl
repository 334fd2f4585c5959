# The tenants' pages: `crawlfleet web`, beside the control side's directory. README.md
# explains every stanza.

variable "driver" {
  type        = string
  default     = "docker"
  description = "docker, exec or raw_exec"
}

variable "image" {
  type        = string
  default     = "crawlfleet:dev"
  description = "docker: the image with crawlfleet"
}

variable "command" {
  type        = string
  default     = "/usr/local/bin/crawlfleet"
  description = "exec and raw_exec: the program on the node"
}

variable "data_dir" {
  type        = string
  default     = "/var/lib/crawlfleet"
  description = "the fleet's directory on the node; with docker it is mounted"
}

variable "node" {
  type        = string
  default     = ""
  description = "name of the node that has the directory; empty for any, for a directory that all share"
}

variable "temporal_address" {
  type        = string
  description = "host:port of the Temporal server"
}

variable "url" {
  type        = string
  default     = ""
  description = "how tenants reach the pages through a proxy: https://host"
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "further CRAWLFLEET_* variables that are no secrets"
}

job "crawlfleet-web" {
  type        = "service"
  datacenters = ["*"]

  group "web" {
    count = 1

    dynamic "constraint" {
      for_each = var.node == "" ? [] : [var.node]
      content {
        attribute = "${node.unique.name}"
        value     = constraint.value
      }
    }

    # It only reads and steers: the new one comes first, and the old one goes when it is well.
    update {
      max_parallel      = 1
      canary            = 1
      auto_promote      = true
      auto_revert       = true
      min_healthy_time  = "5s"
      healthy_deadline  = "1m"
      progress_deadline = "3m"
    }

    # On loopback: a proxy on the node speaks TLS.
    network {
      port "web" {}
    }

    service {
      name     = "crawlfleet-web"
      provider = "nomad"
      address  = "127.0.0.1"
      port     = "web"
      check {
        type     = "http"
        path     = "/readyz"
        interval = "5s"
        timeout  = "3s"
      }
    }

    task "web" {
      driver       = var.driver
      kill_timeout = "10s"

      dynamic "config" {
        for_each = var.driver == "docker" ? ["docker"] : []
        content {
          image           = var.image
          args            = ["web"]
          force_pull      = false
          network_mode    = "host"
          volumes         = ["${var.data_dir}:${var.data_dir}"]
          readonly_rootfs = true
          cap_drop        = ["all"]
          security_opt    = ["no-new-privileges"]
        }
      }
      dynamic "config" {
        for_each = var.driver == "docker" ? [] : [var.driver]
        content {
          command = var.command
          args    = ["web"]
        }
      }

      env = merge({
        TEMPORAL_ADDRESS      = var.temporal_address
        CRAWLFLEET_DATA_DIR   = var.data_dir
        CRAWLFLEET_WEB_LISTEN = "127.0.0.1:${NOMAD_PORT_web}"
        CRAWLFLEET_WEB_URL    = var.url
        CRAWLFLEET_LOG_FORMAT = "json"
      }, var.settings)

      # Whatever is secret: nomad var put nomad/jobs/crawlfleet-web CRAWLFLEET_STORE=… …
      template {
        destination = "${NOMAD_SECRETS_DIR}/web.env"
        env         = true
        data        = <<-EOT
          {{ if nomadVarExists "nomad/jobs/crawlfleet-web" }}{{ with nomadVar "nomad/jobs/crawlfleet-web" -}}
          {{ range .Tuples }}{{ .K }}={{ .V | toJSON }}
          {{ end }}{{ end }}{{ end }}
        EOT
      }

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
