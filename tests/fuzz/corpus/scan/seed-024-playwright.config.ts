*import { defineConfig, devices } from '@playwright/test';
export default defineConfig({
  timeout: 30_000,
  expect: { timeout: 5000 },
  workers: process.env.CI ? 1 : undefined,
  use: { baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:4173', viewport: { width: 1280, height: 720 } },
  webServer: { command: 'npm run preview -- --port 4173', port: 4173, reuseExistingServer: !process.env.CI, timeout: 120 * 1000 },
});
