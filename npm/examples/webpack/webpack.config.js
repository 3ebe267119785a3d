import HtmlWebpackPlugin from 'html-webpack-plugin';

const relay = process.env.RELAY ?? 'http://127.0.0.1:8080';

export default {
  entry: './src/ward.js',
  output: { filename: '[name].[contenthash].js', assetModuleFilename: '[name].[contenthash][ext]', clean: true },
  plugins: [new HtmlWebpackPlugin({ template: 'src/index.html' })],
  devServer: {
    port: 3000,
    proxy: [
      { context: ['/ws'], target: relay, ws: true },
      { context: ['/dev', '/api'], target: relay },
    ],
  },
};
