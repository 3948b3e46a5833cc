<?php
// What WordPress makes of a post's body: php read_on.php WORDPRESS_FOLDER < fragment. Ours; it runs the WordPress installed there.
// Says as JSON what its sanitiser leaves, what paragraphs it adds, and which shortcodes and embeds the text calls.
error_reporting(E_ERROR);
define('ABSPATH', $argv[1] . '/');
define('WPINC', 'wp-includes');
foreach (['plugin', 'functions', 'formatting', 'kses', 'shortcodes', 'class-wp-embed'] as $part) {
    require ABSPATH . WPINC . "/$part.php";
}
$called = [];
foreach (['gallery', 'embed', 'audio', 'video', 'caption', 'playlist'] as $name) {
    add_shortcode($name, function () use (&$called, $name) { $called[] = $name; return ''; });
}
$kept = wp_kses_post(stream_get_contents(STDIN));
$embeds = [];
$frame = function ($found) use (&$embeds) { $embeds[] = $found[2]; return $found[0]; };
preg_replace_callback('|^(\s*)(https?://[^\s<>"]+)(\s*)$|im', $frame, $kept);
preg_replace_callback('|(<p(?: [^>]*)?>\s*)(https?://[^\s<>"]+)(\s*<\/p>)|i', $frame, $kept);
$paragraphs = wpautop($kept);
do_shortcode($kept);
echo json_encode(['kept' => $kept, 'breaks' => substr_count($paragraphs, '<br />'), 'called' => $called, 'embeds' => $embeds]);
