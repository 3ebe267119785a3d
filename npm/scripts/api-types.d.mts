export declare const target: string;
export declare function apiTypes(): Promise<string>;
