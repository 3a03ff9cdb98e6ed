*const { merge } = require('webpack-merge');
module.exports = merge(require('./webpack.common.js'), {
  mode: 'development',
  devtool: 'eval-source-map',
  devServer: { static: './dist', hot: true, port: 9005, open: ['http://localhost:9005/app'],
    headers: { 'Access-Control-Max-Age': '86400' }, proxy: { '/api': { target: 'http://api.test:8443', secure: false } } },
  module: { rules: [ { test: /\.(png|jpg)$/, use: [{ loader: 'url-loader', options: { limit: 8192 } }] } ] },
});
