const config = {
  kit: {
    csrf: { checkOrigin: false },
    prerender: { origin: 'http://localhost:4180', concurrency: 4, entries: ['/2024'] },
  },
}
export default config
